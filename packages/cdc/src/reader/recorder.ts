import type { Source } from "@centralcloud/db";
import { formatLsn } from "@centralcloud/postgres";
import type { Pool, PoolClient } from "pg";
import type { RowChange, Transaction } from "../change.ts";
import { advanceCaptureCursor, type CaptureProgress, recordChanges } from "../change-log.ts";
import { centrally, isTooLarge, UndecodableChangeError } from "../errors.ts";
import { renderChange } from "./render-change.ts";

export interface RecorderOptions {
  readonly central: Pool;
  readonly source: Source;
  /** Said of each write: the source's timeline, and who we are. */
  readonly timeline: number;
  readonly reader: string;
  /** Called after each commit in the central store: the slot may be confirmed up to there. */
  onRecorded(recorded: Recorded): void;
}

/** A change that waits to be entered, as `central.record_changes` takes it. */
interface Pending {
  readonly text: string;
  readonly table: string;
  /** Of its transaction's commit. */
  readonly lsn: bigint;
}

export interface Recorded {
  /** Everything that was committed before this is in the change log. */
  readonly lsn: bigint;
  readonly transactions: number;
  readonly changes: number;
  readonly ms: number;
}

/**
 * Enters transactions of the source into the change log, each whole or not at all. Small ones go together;
 * a large one goes in chunks of one transaction, so that memory stays bounded and nobody sees a part of it.
 */
export interface Recorder {
  /** Whether everything that was added is in the change log. */
  readonly isIdle: boolean;
  /** When the last transaction was committed that is in the change log, by the source's clock. */
  readonly recordedTime: string | undefined;
  /** In how many milliseconds `flush` should be called; infinite where nothing waits. */
  readonly dueInMs: number;
  /** @param ordinal the change's place among the captured ones of its transaction, from 0. */
  add(transaction: Transaction, ordinal: number, change: RowChange): Promise<void>;
  /** The transaction of the source is complete. @param time when it was committed. */
  commit(endLsn: bigint, time: string): Promise<void>;
  /** Enters the transactions that are complete. */
  flush(): Promise<void>;
  /** Nothing that is captured happened before there; only to be called where `isIdle`. */
  advance(lsn: bigint, time: string): Promise<void>;
  /** Takes back what is not committed, and gives the connection back. */
  close(): void;
}

/** How long a change may wait for others to go with it. */
const lingerMs = 200;
/** What goes to the central store at once. */
const chunkChanges = 1_000;
const chunkBytes = 1_048_576;
/** A central transaction that hears nothing of us for so long, because our host froze, frees its locks. */
const abandonedMs = 60_000;

export function createRecorder(options: RecorderOptions): Recorder {
  const { central, source, timeline, reader, onRecorded } = options;
  const { sourceId } = source;
  let pending: Pending[] = [];
  let bytes = 0;
  /** How many of them belong to complete transactions, and where the last of those ends. */
  let complete: { count: number; transactions: number; lsn: bigint; time: string } | undefined;
  let completeAt = 0;
  /** The connection whose transaction holds the first chunks of a large one. */
  let open: { client: PoolClient; changes: number; startedAt: number } | undefined;

  let recordedTime: string | undefined;

  function progress(lsn: bigint, sourceTime: string): CaptureProgress {
    return { lsn, sourceTime, timeline, reader };
  }

  function take(count: number): readonly Pending[] {
    const chunk = pending.slice(0, count);
    pending = pending.slice(count);
    bytes = pending.reduce((sum, { text }) => sum + text.length, 0);
    return chunk;
  }

  /** Names the change that is too large for the central store, which can only be the largest. */
  async function record(
    store: Pool | PoolClient,
    chunk: readonly Pending[],
    upTo?: CaptureProgress,
  ): Promise<void> {
    try {
      const changes = `[${chunk.map(({ text }) => text).join(",")}]`;
      await recordChanges(store, sourceId, changes, upTo);
    } catch (error) {
      const [largest] = chunk.toSorted((one, other) => other.text.length - one.text.length);
      if (largest === undefined || !isTooLarge(error)) throw error;
      const place = { tables: [largest.table], lsn: formatLsn(largest.lsn) };
      throw new UndecodableChangeError(place, source.name, error);
    }
  }

  async function flush(): Promise<void> {
    if (complete === undefined) return;
    const { count, transactions, lsn, time } = complete;
    const startedAt = performance.now();
    complete = undefined;
    await record(central, take(count), progress(lsn, time));
    recordedTime = time;
    onRecorded({
      lsn,
      transactions,
      changes: count,
      ms: Math.round(performance.now() - startedAt),
    });
  }

  /** Makes room while a transaction is still coming in. */
  async function spill(): Promise<void> {
    await flush();
    if (pending.length === 0) return;
    if (open === undefined) {
      const client = await central.connect();
      open = { client, changes: 0, startedAt: performance.now() };
      await client.query(`begin; set local idle_in_transaction_session_timeout = ${abandonedMs}`);
    }
    open.changes += pending.length;
    await record(open.client, take(pending.length));
  }

  async function finish(lsn: bigint, time: string): Promise<void> {
    if (open === undefined) return;
    const { client, startedAt } = open;
    const changes = open.changes + pending.length;
    await record(client, take(pending.length), progress(lsn, time));
    await client.query("commit");
    client.release();
    open = undefined;
    recordedTime = time;
    onRecorded({ lsn, transactions: 1, changes, ms: Math.round(performance.now() - startedAt) });
  }

  const isFull = () => pending.length >= chunkChanges || bytes >= chunkBytes;

  return {
    get isIdle() {
      return pending.length === 0 && open === undefined && complete === undefined;
    },
    get recordedTime() {
      return recordedTime;
    },
    get dueInMs() {
      if (complete === undefined) return Number.POSITIVE_INFINITY;
      return Math.max(0, completeAt + lingerMs - performance.now());
    },
    async add(transaction, ordinal, change) {
      const text = renderChange(transaction, ordinal, change);
      pending.push({ text, table: change.table, lsn: transaction.lsn });
      bytes += text.length;
      if (isFull()) await centrally(spill);
    },
    async commit(lsn, time) {
      if (open !== undefined) return centrally(() => finish(lsn, time));
      const added = pending.length - (complete?.count ?? 0);
      // Nothing of it is captured; `advance` comes by in time.
      if (complete === undefined && added === 0) return;
      if (complete === undefined) completeAt = performance.now();
      const transactions = (complete?.transactions ?? 0) + (added > 0 ? 1 : 0);
      complete = { count: pending.length, transactions, lsn, time };
      if (isFull()) await centrally(flush);
    },
    flush: () => centrally(flush),
    advance: (lsn, time) =>
      centrally(() => advanceCaptureCursor(central, sourceId, progress(lsn, time))),
    close() {
      const client = open?.client;
      open = undefined;
      // Closing the connection takes its transaction back.
      client?.release(true);
    },
  };
}
