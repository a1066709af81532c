import { routes } from "@centralcloud/consumer";
import { deadLetterQueueOf, PgmqClient, type QueueMetrics } from "@centralcloud/pgmq";
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
  const deadLetterQueues = routes.map(deadLetterQueueOf);
  const metrics = await new PgmqClient(pool).metricsOf([...routes, ...deadLetterQueues]);
  const deadLetters = metrics.slice(routes.length);
  return routes.map((queue, index) => {
    const { total, inFlight, available, oldestAgeSeconds } = metrics[index] as QueueMetrics;
    const counts = { total, inFlight, available, oldestAgeSeconds };
    return { source: name, queue, ...counts, deadLetters: deadLetters[index]?.total ?? 0 };
  });
}
