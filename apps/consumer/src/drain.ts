import { setTimeout as delay } from "node:timers/promises";
import { assertCentralStore, NotACentralStoreError } from "@centralcloud/central";
import { NotASourceError, readSource } from "@centralcloud/db";
import { createPool, endPool, messageOf, withoutSecrets } from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import { fanOut, mapInTurn, type Observe } from "@centralcloud/service";
import type { ConsumerConfiguration } from "./configuration.ts";
import { type Consumer, createConsumer, type Health } from "./consumer.ts";
import type { ConsumerObservation } from "./observation.ts";
import { routes } from "./routes.ts";

/** What a drain did. `processed + duplicates + deadLettered` is the number of messages settled. */
export interface DrainReport {
  /** Messages merged, each exactly once. */
  readonly processed: number;
  /** Messages that had been merged before: redelivered after a crash, for example. */
  readonly duplicates: number;
  readonly deadLettered: number;
  /** Times that messages went back to their queue without a check result. */
  readonly released: number;
  readonly elapsedMs: number;
  /** Messages settled per second. */
  readonly perSecond: number;
}

/** What keeps a drain from its end. */
export interface Pending {
  /** A source's name, or its address until that is known; or `the central database`. */
  readonly database: string;
  readonly reason: string;
  /** Whether nothing is known of it but that it does not do what it is asked: it may stay so for ever. */
  readonly isSilent: boolean;
}

/** The time was up before the queues were empty. */
export class DrainTimeoutError extends Error {
  readonly code = "drain_timeout";
  readonly report: DrainReport;
  constructor(report: DrainReport, timeoutS: number, pending: readonly Pending[] = []) {
    super(
      [`the queues were not empty after ${timeoutS} seconds`, ...pending.map(sayPending)].join(
        "\n",
      ),
    );
    this.name = "DrainTimeoutError";
    this.report = report;
  }
}

/** Everything is drained but what some databases have, which did not answer for too long. */
export class DrainIncompleteError extends Error {
  readonly code = "drain_incomplete";
  readonly report: DrainReport;
  readonly pending: readonly Pending[];
  constructor(report: DrainReport, answerTimeoutS: number, pending: readonly Pending[]) {
    const waited = `all else is drained, and these were waited for ${answerTimeoutS} seconds`;
    super([waited, ...pending.map(sayPending)].join("\n"));
    this.name = "DrainIncompleteError";
    this.report = report;
    this.pending = pending;
  }
}

function sayPending({ database, reason }: Pending): string {
  return `${database}: ${reason}`;
}

/** A source that takes longer to answer is not waited for here: its lanes meet the same, and tell. */
const answerMs = 5_000;

/** How often an idle lane is asked whether its queue is empty: at first, and after it was not for a while. */
const pollMs = { first: 50, last: 1_000 };

/** How many sources are asked at the same time. */
const turns = { limit: 16, answerTimeoutMs: 1_000 };

/** After so long it says whom it waits for; then ever more rarely. */
const tellMs = { first: 10_000, last: 60_000 };

/** How long databases that do not answer are waited for once all others are drained, in seconds. */
export const drainAnswerTimeoutS = 120;

export interface DrainOptions {
  /** Undefined: as long as it takes, where every database answers. */
  readonly timeoutS?: number | undefined;
  /** How long a database may not answer once all others are drained; default: {@link drainAnswerTimeoutS}. */
  readonly answerTimeoutS?: number | undefined;
  /** Ends the drain early: what is in flight is settled or released. */
  readonly signal?: AbortSignal;
  /** Is told often how many messages have been settled. */
  readonly onProgress?: (settled: number) => void;
  /** Told now and then for what it waits. */
  readonly onWaiting?: (pending: readonly Pending[]) => void;
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
 * or that were sent with a delay; then stops. It waits for those as long as it takes, and says so; for a database that
 * does not answer only `answerTimeoutS` longer than for all others.
 *
 * @throws {NotASourceError} or {NotACentralStoreError} before anything is read.
 * @throws {DrainTimeoutError}, {DrainIncompleteError} or {DrainInterruptedError}, each with the report so far.
 */
export async function drain(
  configuration: ConsumerConfiguration,
  observe: Observe<ConsumerObservation>,
  {
    timeoutS,
    answerTimeoutS = drainAnswerTimeoutS,
    signal,
    onProgress = () => {},
    onWaiting = () => {},
  }: DrainOptions = {},
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
  let pending: readonly Pending[] = [];
  let isEmpty = false;
  /** Since when nothing else is waited for than what does not answer. */
  let silentSince: number | undefined;
  const mayStillAnswer = () =>
    silentSince === undefined || performance.now() - silentSince < answerTimeoutS * 1_000;
  const hasTime = () => timeoutS === undefined || performance.now() - startedAt < timeoutS * 1_000;
  let restMs = pollMs.first;
  let tell = { at: startedAt + tellMs.first, everyMs: tellMs.first };
  try {
    while (!isEmpty && hasTime() && mayStillAnswer() && signal?.aborted !== true) {
      await delay(restMs);
      onProgress(settledOf(totals));
      const health = consumer.health();
      pending = pendingIn(health, consumer);
      const isIdle = pending.every(({ isSilent }) => isSilent);
      restMs = isIdle ? Math.min(pollMs.last, 2 * restMs) : pollMs.first;
      if (isIdle && health.central === undefined) {
        pending = [...pending, ...(await findMessages(configuration, consumer))];
      }
      isEmpty = pending.length === 0;
      const refused = health.sources.filter((source) => source.refused !== undefined);
      if (isEmpty && refused.length > 0) {
        throw new Error(refused.map(({ name, waitingFor }) => `${name}: ${waitingFor}`).join("\n"));
      }
      const isSilent = !isEmpty && pending.every((one) => one.isSilent);
      silentSince = isSilent ? (silentSince ?? performance.now()) : undefined;
      if (!isEmpty && performance.now() > tell.at) {
        onWaiting(pending);
        const everyMs = Math.min(tellMs.last, 2 * tell.everyMs);
        tell = { at: performance.now() + everyMs, everyMs };
      }
    }
  } finally {
    await consumer.stop(configuration.shutdownGraceS * 1000);
  }
  const elapsedMs = Math.round(performance.now() - startedAt);
  const settled = settledOf(totals);
  const perSecond = Math.round(settled / (elapsedMs / 1000));
  const report = { ...totals, elapsedMs, perSecond };
  if (isEmpty) return report;
  if (signal?.aborted) throw new DrainInterruptedError(report);
  if (!mayStillAnswer()) throw new DrainIncompleteError(report, answerTimeoutS, pending);
  throw new DrainTimeoutError(report, timeoutS ?? 0, pending);
}

/** What the consumer itself says that it has yet to do, or can't. Sources that wait for an operator are none of it. */
function pendingIn({ central, sources, working }: Health, consumer: Consumer): readonly Pending[] {
  const pending: Pending[] = [];
  if (central !== undefined) {
    pending.push({ database: "the central database", reason: central.error, isSilent: true });
  }
  for (const { name, waitingFor, refused, lanes } of sources) {
    if (refused !== undefined) continue;
    const [fault] = lanes.flatMap((lane) => lane.fault ?? []);
    if (waitingFor !== undefined) {
      pending.push({ database: name, reason: waitingFor, isSilent: true });
    } else if (fault !== undefined) {
      pending.push({ database: name, reason: fault.error, isSilent: true });
    }
  }
  for (const lane of consumer.lanes) {
    const { source, queue } = lane.lane;
    if (lane.idle || pending.some(({ database }) => database === source)) continue;
    pending.push({ database: source, reason: `${queue} is being consumed`, isSilent: false });
  }
  const isRestarting = !working && pending.length === 0;
  const isRefused = sources.some(({ refused }) => refused !== undefined);
  if (isRestarting && !isRefused) {
    pending.push({
      database: "this process",
      reason: "the consumption of a queue is being restarted",
      isSilent: false,
    });
  }
  return pending;
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
  await mapInTurn(checks, turns, async ([url, check], answered) => {
    const pool = openPool(url);
    try {
      await check(pool);
      answered();
    } catch (error) {
      const database = withoutSecrets(url);
      if (error instanceof NotASourceError) throw new NotASourceError(database);
      if (error instanceof NotACentralStoreError) throw new NotACentralStoreError(database);
      if (url === centralUrl) throw error;
    } finally {
      await endPool(pool, 1_000);
    }
  });
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

/** Whose queues still have messages, by a look at each; not of sources whose lanes say already that they can't be read. */
async function findMessages(
  { sourceUrls }: ConsumerConfiguration,
  consumer: Consumer,
): Promise<readonly Pending[]> {
  const states = new Map(consumer.sourceStates().map((one) => [one.place, one]));
  const found = await mapInTurn(sourceUrls, turns, async (url, answered) => {
    const { state, isConsumed, name } = states.get(withoutSecrets(url)) ?? {};
    if (state !== undefined || isConsumed === false) return [];
    const database = name ?? withoutSecrets(url);
    const pool = openPool(url);
    try {
      const client = new QueueClient(pool);
      const pending: Pending[] = [];
      for (const queue of routes) {
        if (await client.isEmpty(queue)) continue;
        const next = await client.nextVisibleAt(queue);
        const when = next === null ? "" : `, the next of them from ${next} on`;
        const reason = `${queue} has messages that another consumer holds or that are delayed${when}`;
        pending.push({ database, reason, isSilent: false });
      }
      answered();
      return pending;
    } catch (error) {
      // The lanes meet the same fault and report it.
      return [{ database, reason: messageOf(error), isSilent: true }];
    } finally {
      await endPool(pool, 1_000);
    }
  });
  return found.flat();
}

function count(
  observation: ConsumerObservation,
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
