import { routes } from "@centralcloud/consumer";
import { deadLetterQueueOf, PgmqClient } from "@centralcloud/pgmq";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { showRows } from "../show-answers.ts";
import {
  addSourceOptions,
  askSources,
  type OpenSource,
  readSourceUrls,
  type SourceOptions,
} from "../sources.ts";

interface QueueReport {
  readonly source: string;
  readonly queue: string;
  readonly total: number;
  readonly inFlight: number;
  readonly available: number;
  readonly oldestAgeSeconds: number | null;
  readonly deadLetters: number;
}

export function queuesCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("queues").description("what waits in each queue of each source"),
  )
    .option("--json", "one JSON document on standard output")
    .action(async ({ json = false, ...options }: SourceOptions & { json?: boolean }) => {
      const urls = readSourceUrls(environment);
      const asked = await askSources(urls, options, reportSource);
      showRows(asked, { json, name: "queues", describe: (report) => report });
    });
}

async function reportSource({ pool, name }: OpenSource): Promise<QueueReport[]> {
  const client = new PgmqClient(pool);
  const reports: QueueReport[] = [];
  for (const queue of routes) {
    const { total, inFlight, available, oldestAgeSeconds } = await client.metrics(queue);
    const deadLetters = (await client.metrics(deadLetterQueueOf(queue))).total;
    const counts = { total, inFlight, available, oldestAgeSeconds, deadLetters };
    reports.push({ source: name, queue, ...counts });
  }
  return reports;
}
