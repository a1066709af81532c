import { isInstant } from "@centralcloud/db";
import { maintainChangeLog } from "../change-log.ts";
import { createDecoder } from "../decode/create-decoder.ts";
import { centrally, UndecodableChangeError } from "../errors.ts";
import { heartbeatPrefix } from "../slot/start-options.ts";
import { createTableLookup } from "../slot/table-lookup.ts";
import type { Frame } from "../stream/frame.ts";
import { createMessageReader } from "../stream/message-reader.ts";
import type { ReplicationStream } from "../stream/replication-stream.ts";
import { formatMicroseconds } from "../timestamp.ts";
import { findUndecodableTable } from "./find-undecodable-table.ts";
import { beat } from "./heartbeat.ts";
import type { Recorder } from "./recorder.ts";
import type { SlotReaderOptions } from "./slot-reader-options.ts";
import { createTableWatch } from "./table-watch.ts";
import { createTransactionReader } from "./transaction-reader.ts";

export interface FollowOptions extends SlotReaderOptions {
  readonly stream: ReplicationStream;
  readonly recorder: Recorder;
  /** What was committed before this is in the change log already. */
  readonly recordedLsn: bigint;
}

/** How often the slot is confirmed while nothing that is captured happens, and the cursor says we live. */
const advanceEveryMs = 10_000;
const maintainEveryMs = 3_600_000;
/** Any login of the source can write heartbeats: the cursor follows them no faster than this. */
const heartbeatEveryMs = 100;
const longestWaitMs = 1_000;

/** Records what the stream gives until the signal is aborted; then enters what is complete. */
export async function follow(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { source, sourcePool, central, tables, slot, keepDays, observe } = options;
  const { stream, recorder, recordedLsn } = options;
  const decoder = createDecoder(slot.plugin, tables, createTableLookup(sourcePool));
  const watch = createTableWatch(options, () => sentUpTo?.lsn ?? recordedLsn);
  const transactions = createTransactionReader(recorder, recordedLsn, watch.refused);
  const messages = createMessageReader({
    ...options,
    sourceName: source.name,
    decoder,
    commitLsn: () => transactions.commitLsn,
    findUndecodableTable: (lsn, commitLsn) => findUndecodableTable(options, lsn, commitLsn, signal),
  });
  /** Everything that was committed before this has been sent, and read here. */
  let sentUpTo: { lsn: bigint; time: string } | undefined;
  let advancedAt = performance.now();
  let hasBeaten = false;
  let maintainedAt = Number.NEGATIVE_INFINITY;
  let watchFault: { readonly error: unknown } | undefined;

  const isIdle = () => recorder.isIdle && !transactions.isInside;

  /** Without changes to record, the slot is confirmed only after the cursor has been written, too. */
  async function advance(): Promise<void> {
    advancedAt = performance.now();
    if (sentUpTo === undefined || transactions.isInside) return;
    hasBeaten = false;
    await recorder.flush();
    await recorder.advance(sentUpTo.lsn, sentUpTo.time);
    stream.confirm(sentUpTo.lsn);
  }

  async function maintain(): Promise<void> {
    maintainedAt = performance.now();
    const partitions = await centrally(() => maintainChangeLog(central, keepDays));
    if (partitions.length === 0) return;
    observe({ event: "change-log-trimmed", source: source.name, partitions });
  }

  async function handle(frame: Frame): Promise<void> {
    if (frame.kind === "keepalive") {
      sentUpTo = { lsn: frame.walEnd, time: frame.serverTime };
      if (frame.wantsReply) await advance();
      return;
    }
    for (const event of await messages.decode(frame)) {
      if (event.kind !== "message") await transactions.handle(event);
      else if (event.prefix === heartbeatPrefix && isInstant(event.content)) {
        // Anybody may write one: it is not from later than when it was sent.
        const sentAt = formatMicroseconds(frame.sentAt);
        const isForged = event.content > sentAt;
        sentUpTo = { lsn: event.lsn, time: isForged ? sentAt : event.content };
        hasBeaten = true;
      }
    }
  }

  const ending = new AbortController();
  const recordedUpTo = () => (isIdle() ? sentUpTo?.time : recorder.recordedTime);
  await watch.look();
  const beating = beat(sourcePool, source.name, recordedUpTo, observe, ending.signal);
  const watching = watch
    .run(() => sentUpTo?.lsn, ending.signal)
    .catch((error: unknown) => {
      watchFault = { error };
    });
  try {
    while (!signal.aborted) {
      if (recorder.dueInMs <= 0) await recorder.flush();
      const advanceInMs =
        advancedAt + (hasBeaten ? heartbeatEveryMs : advanceEveryMs) - performance.now();
      if (advanceInMs <= 0) await advance();
      if (performance.now() - maintainedAt > maintainEveryMs) await maintain();
      if (watchFault !== undefined) throw watchFault.error;
      const frame = await messages.read();
      if (frame !== undefined) await handle(frame);
      else
        await stream.wait(
          Math.min(recorder.dueInMs, Math.max(0, advanceInMs), longestWaitMs),
          signal,
        );
    }
    await recorder.flush();
  } catch (error) {
    // What is complete before it need not be read again and again.
    if (error instanceof UndecodableChangeError) await recorder.flush();
    throw error;
  } finally {
    ending.abort();
    await Promise.all([beating, watching]);
  }
}
