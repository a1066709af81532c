import type { Change, Transaction } from "../change.ts";
import type { Decoder } from "../decode/decoder.ts";
import type { ReplicationStream } from "../stream/replication-stream.ts";

const longestWaitMs = 1_000;
/** A server that gives nothing new for so long has nothing more, though its log may end a little further on. */
const quietMs = 10_000;

/**
 * The changes that a stream gives, one by one, until the signal is aborted, or `untilLsn` is reached. It
 * confirms nothing.
 */
export async function* readChanges(
  stream: ReplicationStream,
  decoder: Decoder,
  signal: AbortSignal,
  untilLsn?: bigint,
): AsyncGenerator<Change> {
  let transaction: Transaction | undefined;
  let ordinal = 0;
  let lastWalEnd: bigint | undefined;
  let progressAt = performance.now();
  while (!signal.aborted) {
    const frame = stream.read();
    if (frame === undefined) {
      await stream.wait(longestWaitMs, signal);
      continue;
    }
    if (frame.kind === "keepalive") {
      if (untilLsn === undefined || transaction !== undefined) continue;
      const now = performance.now();
      if (frame.walEnd !== lastWalEnd) progressAt = now;
      lastWalEnd = frame.walEnd;
      if (frame.walEnd >= untilLsn || now - progressAt > quietMs) return;
      continue;
    }
    progressAt = performance.now();
    const events = decoder.decode(frame.payload);
    for (const event of events instanceof Promise ? await events : events) {
      if (event.kind === "begin") {
        transaction = event.transaction;
        ordinal = 0;
      } else if (event.kind === "commit") {
        transaction = undefined;
      } else if (event.kind === "change" && transaction !== undefined) {
        yield { ...transaction, ...event.change, ordinal };
        ordinal += 1;
      }
    }
  }
}
