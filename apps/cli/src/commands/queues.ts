import { databaseVariables, logLevel, routes } from "@centralcloud/consumer";
import { assertReachable, createPool, readSource } from "@centralcloud/db";
import { deadLetterQueueOf, PgmqClient } from "@centralcloud/pgmq";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../format-table.ts";

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
  return new Command("queues")
    .description("what waits in each queue of each source")
    .option("--json", "one JSON document on standard output")
    .action(async ({ json }: { json?: true }) => {
      const { SOURCE_DATABASE_URLS } = databaseVariables;
      const values = parseConfiguration({ SOURCE_DATABASE_URLS, LOG_LEVEL: logLevel }, environment);
      await assertReachable(values.SOURCE_DATABASE_URLS);
      const reports: QueueReport[] = [];
      for (const url of values.SOURCE_DATABASE_URLS) reports.push(...(await reportSource(url)));
      console.log(json ? JSON.stringify(reports) : formatTable(reports));
    });
}

async function reportSource(url: string): Promise<QueueReport[]> {
  const pool = createPool(url, { applicationName: "centralcloud-queues", max: 1 });
  try {
    const { name } = await readSource(pool);
    const client = new PgmqClient(pool);
    const reports: QueueReport[] = [];
    for (const queue of routes) {
      const { total, inFlight, available, oldestAgeSeconds } = await client.metrics(queue);
      const deadLetters = (await client.metrics(deadLetterQueueOf(queue))).total;
      reports.push({
        source: name,
        queue,
        total,
        inFlight,
        available,
        oldestAgeSeconds,
        deadLetters,
      });
    }
    return reports;
  } finally {
    await pool.end();
  }
}
