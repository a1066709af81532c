import type { Change, Transaction } from "../change.ts";
import type { Decoder } from "../decode/decoder.ts";
import type { ReplicationStream } from "../stream/replication-stream.ts";

const longestWaitMs = 1_000;

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
  while (!signal.aborted) {
    const frame = stream.read();
    if (frame === undefined) {
      await stream.wait(longestWaitMs, signal);
      continue;
    }
    if (frame.kind === "keepalive") {
      if (untilLsn === undefined || transaction !== undefined) continue;
      // The same twice: there is nothing more, though the log ends a little further on.
      if (frame.walEnd >= untilLsn || frame.walEnd === lastWalEnd) return;
      lastWalEnd = frame.walEnd;
      continue;
    }
    lastWalEnd = undefined;
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
