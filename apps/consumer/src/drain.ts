import { setTimeout as delay } from "node:timers/promises";
import {
  assertCentralStore,
  NotACentralStoreError,
  NotASourceError,
  readSource,
} from "@centralcloud/db";
import { PgmqClient } from "@centralcloud/pgmq";
import { createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import { fanOut, type Observation, type Observe } from "@centralcloud/service";
import type { ConsumerConfiguration } from "./configuration.ts";
import { type Consumer, createConsumer } from "./consumer.ts";
import { routes } from "./routes.ts";

/** What a drain did. `processed + duplicates + deadLettered` is the number of messages settled. */
export interface DrainReport {
  /** Messages merged, each exactly once. */
  readonly processed: number;
  /** Messages that had been merged before: redelivered after a crash, for example. */
  readonly duplicates: number;
  readonly deadLettered: number;
  /** Times that messages went back to their queue without a verdict. */
  readonly released: number;
  readonly elapsedMs: number;
  /** Messages settled per second. */
  readonly perSecond: number;
}

/** The time was up before the queues were empty. */
export class DrainTimeoutError extends Error {
  readonly code = "drain_timeout";
  readonly report: DrainReport;
  /** @param reasons why those are not that could not be read, one each. */
  constructor(report: DrainReport, timeoutS: number, reasons: readonly string[] = []) {
    super([`the queues were not empty after ${timeoutS} seconds`, ...reasons].join("\n"));
    this.name = "DrainTimeoutError";
    this.report = report;
  }
}

/** A source that takes longer to answer is not waited for here: its lanes meet the same, and tell. */
const answerMs = 5_000;

/** How often an idle lane is asked whether its queue is empty. */
const pollMs = 50;

export interface DrainOptions {
  /** Undefined: as long as it takes. */
  readonly timeoutS?: number | undefined;
  /** Ends the drain early: what is in flight is settled or given back. */
  readonly signal?: AbortSignal;
  /** Is told often how many messages have been settled. */
  readonly onProgress?: (settled: number) => void;
}

/** The drain was ended before the queues were empty. */
export class DrainInterruptedError extends Error {
  readonly code = "drain_interrupted";
  readonly report: DrainReport;
  constructor(report: DrainReport) {
    super("ended before the queues were empty");
    this.name = "DrainInterruptedError";
    this.report = report;
  }
}

/**
 * Consumes until every queue of every source is empty, messages included that another consumer holds
 * or that were sent with a delay; then stops.
 *
 * @throws {NotASourceError} or {NotACentralStoreError} before anything is read.
 * @throws {DrainTimeoutError} or {DrainInterruptedError}, each with the report so far.
 */
export async function drain(
  configuration: ConsumerConfiguration,
  observe: Observe,
  { timeoutS, signal, onProgress }: DrainOptions = {},
): Promise<DrainReport> {
  await assertMigrated(configuration);
  const totals = { processed: 0, duplicates: 0, deadLettered: 0, released: 0 };
  const startedAt = performance.now();
  // No spans are made of a drain, so nobody needs to know who sent what.
  const { tracing: _, ...untraced } = configuration;
  const consumer = createConsumer(
    untraced,
    fanOut(observe, (event) => count(event, totals)),
  );
  await consumer.start();
  let empty = false;
  /** By source: what kept it from being drained last. */
  const reasons = new Map<string, string>();
  try {
    const timeUp = () => timeoutS !== undefined && performance.now() - startedAt >= timeoutS * 1000;
    while (!empty && !timeUp() && signal?.aborted !== true) {
      await delay(pollMs);
      onProgress?.(settledOf(totals));
      const health = consumer.health();
      const refused = health.sources.filter((source) => source.refused !== undefined);
      const isDone =
        (health.working || refused.length > 0) &&
        health.central === undefined &&
        health.sources.every(
          ({ waitingFor, refused: state, lanes }) =>
            state !== undefined ||
            (waitingFor === undefined && lanes.every(({ fault }) => fault === undefined)),
        ) &&
        consumer.lanes.every((lane) => lane.idle) &&
        (await areEmpty(configuration, refusedPlaces(consumer)));
      if (isDone && refused.length > 0) {
        throw new Error(refused.map(({ name, waitingFor }) => `${name}: ${waitingFor}`).join("\n"));
      }
      empty = isDone;
      for (const { name, waitingFor, lanes } of health.sources) {
        const [fault] = lanes.flatMap((lane) => lane.fault ?? []);
        const reason = waitingFor ?? fault?.error;
        if (reason !== undefined) reasons.set(name, `${name}: ${reason}`);
      }
    }
  } finally {
    await consumer.stop(configuration.shutdownGraceS * 1000);
  }
  const elapsedMs = Math.round(performance.now() - startedAt);
  const settled = settledOf(totals);
  const perSecond = Math.round(settled / (elapsedMs / 1000));
  const report = { ...totals, elapsedMs, perSecond };
  if (empty) return report;
  throw signal?.aborted
    ? new DrainInterruptedError(report)
    : new DrainTimeoutError(report, timeoutS ?? 0, [...reasons.values()]);
}

/**
 * A drain would wait for ever for what only a migration brings. What else is wrong with a source is no reason not to
 * drain the others.
 */
async function assertMigrated({ sourceUrls, centralUrl }: ConsumerConfiguration): Promise<void> {
  const checks = [
    ...sourceUrls.map((url) => [url, readSource] as const),
    [centralUrl, assertCentralStore] as const,
  ];
  for (const [url, check] of checks) {
    const pool = openPool(url);
    try {
      await check(pool);
    } catch (error) {
      const database = withoutSecrets(url);
      if (error instanceof NotASourceError) throw new NotASourceError(database);
      if (error instanceof NotACentralStoreError) throw new NotACentralStoreError(database);
      if (url === centralUrl) throw error;
    } finally {
      await endPool(pool, 1_000);
    }
  }
}

function settledOf({
  processed,
  duplicates,
  deadLettered,
}: Pick<DrainReport, "processed" | "duplicates" | "deadLettered">): number {
  return processed + duplicates + deadLettered;
}

function openPool(url: string) {
  const options = { applicationName: "centralcloud-drain", max: 1, queryTimeoutMs: answerMs };
  return createPool(url, options);
}

function refusedPlaces(consumer: Consumer): ReadonlySet<string> {
  const refused = consumer.sourceStates().filter(({ state }) => state !== undefined);
  return new Set(refused.map(({ place }) => place));
}

async function areEmpty(
  { sourceUrls }: ConsumerConfiguration,
  refused: ReadonlySet<string>,
): Promise<boolean> {
  for (const url of sourceUrls) {
    if (refused.has(withoutSecrets(url))) continue;
    const pool = openPool(url);
    try {
      const client = new PgmqClient(pool);
      for (const queue of routes) if (!(await client.isEmpty(queue))) return false;
    } catch {
      return false; // The lanes meet the same fault and report it.
    } finally {
      await endPool(pool, 1_000);
    }
  }
  return true;
}

function count(
  observation: Observation,
  totals: { -readonly [key in "processed" | "duplicates" | "deadLettered" | "released"]: number },
) {
  switch (observation.event) {
    case "batch-merged":
      totals.processed += observation.merged;
      totals.duplicates += observation.duplicates;
      break;
    case "message-dead-lettered":
      totals.deadLettered += 1;
      break;
    case "messages-released":
      totals.released += observation.count;
      break;
    default:
  }
}
