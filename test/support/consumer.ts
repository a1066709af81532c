import {
  type ConsumerConfiguration,
  type DrainReport,
  drain,
  readConsumerConfiguration,
} from "@centralcloud/consumer";
import { QueueClient } from "@centralcloud/queue";
import type { Observation } from "@centralcloud/service";
import type { TestSystem } from "./databases.ts";

/** The default configuration for a test's databases, some of it changed. */
export function configurationFor(
  { singularity, central }: TestSystem,
  changes: Partial<ConsumerConfiguration> = {},
): ConsumerConfiguration {
  const configuration = readConsumerConfiguration({
    SOURCE_DATABASE_URLS: singularity.url,
    CENTRAL_DATABASE_URL: central.url,
    CONSUMER_HTTP_PORT: "0",
  });
  // Whoever sets a size means it, as with the variable.
  const { batchSize } = changes;
  const sizes = batchSize === undefined ? {} : { backlogBatchSize: batchSize };
  return { ...configuration, ...sizes, ...changes };
}

export interface Drained {
  readonly report: DrainReport;
  readonly observations: readonly Observation[];
}

/** Consumes everything that waits, and fails after twenty seconds. */
export async function drainAll(
  system: TestSystem,
  changes: Partial<ConsumerConfiguration> = {},
): Promise<Drained> {
  const observations: Observation[] = [];
  const observe = (observation: Observation) => void observations.push(observation);
  const report = await drain(configurationFor(system, changes), observe, { timeoutS: 20 });
  return { report, observations };
}

export function queuesOf(system: TestSystem): QueueClient {
  return new QueueClient(system.singularity.pool);
}

export interface DeadLetterRow {
  readonly reason: string;
  readonly original_message: unknown;
  readonly original_message_id: number;
  readonly error: { code: string; message: string; issues?: { path: string }[] };
  readonly [key: string]: unknown;
}

/** What is in a queue's dead-letter queue, oldest first. */
export async function deadLettersOf(system: TestSystem, queue: string): Promise<DeadLetterRow[]> {
  const { rows } = await system.singularity.pool.query<{ message: DeadLetterRow }>(
    `select message from pgmq."q_${queue}-dlq" order by msg_id`,
  );
  return rows.map((row) => row.message);
}

/** How many messages a queue's archive holds. */
export async function archivedIn(system: TestSystem, queue: string): Promise<number> {
  const { rows } = await system.singularity.pool.query<{ count: number }>(
    `select count(*)::integer as count from pgmq."a_${queue}"`,
  );
  return rows[0]?.count ?? 0;
}
