import type { Change, Transaction } from "../change.ts";
import { findUndecodableTable } from "../reader/find-undecodable-table.ts";
import { defaultChangeBytes } from "../stream/change-gauge.ts";
import { createMessageReader } from "../stream/message-reader.ts";
import type { TemporarySlot, TemporarySlotOptions } from "./temporary-slot.ts";

const longestWaitMs = 1_000;
/** A server that gives nothing new for so long has nothing more, though its log may end a little further on. */
const quietMs = 10_000;

/**
 * The changes that a stream gives, one by one, until the signal is aborted, or `untilLsn` is reached. It
 * confirms nothing.
 *
 * @throws {UndecodableChangeError} as the capture does.
 */
export async function* readChanges(
  { url, tables, name, maxChangeBytes = defaultChangeBytes }: TemporarySlotOptions,
  temporary: TemporarySlot,
  signal: AbortSignal,
  untilLsn?: bigint,
): AsyncGenerator<Change> {
  let transaction: Transaction | undefined;
  let ordinal = 0;
  let lastWalEnd: bigint | undefined;
  let progressAt = performance.now();
  const { stream } = temporary;
  const messages = createMessageReader({
    ...temporary,
    ...{ url, tables, sourceName: name },
    commitLsn: () => transaction?.lsn,
    async findUndecodableTable(lsn, commitLsn) {
      const slot = await temporary.findLasting();
      return (
        slot &&
        (await findUndecodableTable({ url, slot, tables, maxChangeBytes }, lsn, commitLsn, signal))
      );
    },
  });
  while (!signal.aborted) {
    const frame = await messages.read();
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
    for (const event of await messages.decode(frame)) {
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
