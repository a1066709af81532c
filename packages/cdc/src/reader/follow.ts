import { maintainChangeLog } from "@centralcloud/db";
import { createDecoder } from "../decode/create-decoder.ts";
import type { StreamEvent } from "../decode/decoder.ts";
import { centrally } from "../errors.ts";
import { heartbeatPrefix } from "../slot/start-options.ts";
import { createTableLookup } from "../slot/table-lookup.ts";
import type { Frame } from "../stream/frame.ts";
import type { ReplicationStream } from "../stream/replication-stream.ts";
import { beat } from "./heartbeat.ts";
import { createPublisher } from "./keep-published.ts";
import type { Recorder } from "./recorder.ts";
import type { SlotReaderOptions } from "./slot-reader-options.ts";
import { createTransactionReader } from "./transaction-reader.ts";

export interface FollowOptions extends SlotReaderOptions {
  readonly stream: ReplicationStream;
  readonly recorder: Recorder;
  /** What was committed before this is in the change log already. */
  readonly recordedLsn: bigint;
}

/** How often the slot is confirmed while nothing that is captured happens, and the cursor says we live. */
const advanceEveryMs = 10_000;
const publishEveryMs = 30_000;
const maintainEveryMs = 3_600_000;
const longestWaitMs = 1_000;
/** How many frames are handled between two looks at the clock. */
const framesAtOnce = 64;

/** Records what the stream gives until the signal is aborted; then enters what is complete. */
export async function follow(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { source, sourcePool, central, tables, slot, keepDays, observe } = options;
  const { stream, recorder, recordedLsn } = options;
  const decoder = createDecoder(slot.plugin, tables, createTableLookup(sourcePool));
  const transactions = createTransactionReader(recorder, recordedLsn);
  /** Everything that was committed before this has been sent, and read here. */
  let sentUpTo: { lsn: bigint; time: string } | undefined;
  let advancedAt = performance.now();
  let maintainedAt = Number.NEGATIVE_INFINITY;
  let publishedAt = Number.NEGATIVE_INFINITY;
  const publish = createPublisher(options);

  const isIdle = () => recorder.isIdle && !transactions.isInside;

  /** Without changes to record, the slot is confirmed only after the cursor has been written, too. */
  async function advance(): Promise<void> {
    advancedAt = performance.now();
    if (sentUpTo === undefined || transactions.isInside) return;
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

  /** Each returns what is to be waited for, if anything: most frames need none of it. */
  function handle(frame: Frame): Promise<void> | undefined {
    if (frame.kind === "keepalive") {
      sentUpTo = { lsn: frame.walEnd, time: frame.serverTime };
      return frame.wantsReply ? advance() : undefined;
    }
    const events = decoder.decode(frame.payload);
    if (events instanceof Promise) return events.then(handleAll);
    const [event] = events;
    return events.length === 1 && event !== undefined ? handleEvent(event) : handleAll(events);
  }

  async function handleAll(events: readonly StreamEvent[]): Promise<void> {
    for (const event of events) await handleEvent(event);
  }

  function handleEvent(event: StreamEvent): Promise<void> | undefined {
    if (event.kind !== "message") return transactions.handle(event);
    if (event.prefix !== heartbeatPrefix) return undefined;
    sentUpTo = { lsn: event.lsn, time: event.content };
    return advance();
  }

  async function doWhatIsDue(): Promise<void> {
    if (recorder.dueInMs <= 0) await recorder.flush();
    if (performance.now() - advancedAt > advanceEveryMs) await advance();
    if (performance.now() - maintainedAt > maintainEveryMs) await maintain();
    if (performance.now() - publishedAt > publishEveryMs) {
      publishedAt = performance.now();
      await publish();
    }
  }

  const ending = new AbortController();
  const recordedUpTo = () => (isIdle() ? sentUpTo?.time : recorder.recordedTime);
  const beating = beat(sourcePool, source.name, recordedUpTo, observe, ending.signal);
  try {
    let framesLeft = 0;
    while (!signal.aborted) {
      if (framesLeft === 0) {
        await doWhatIsDue();
        framesLeft = framesAtOnce;
      }
      const frame = stream.read();
      if (frame === undefined) {
        await stream.wait(Math.min(recorder.dueInMs, longestWaitMs), signal);
        framesLeft = 0;
        continue;
      }
      framesLeft -= 1;
      const handled = handle(frame);
      if (handled === undefined) continue;
      await handled;
      framesLeft = 0;
    }
    await recorder.flush();
  } finally {
    ending.abort();
    await beating;
  }
}
