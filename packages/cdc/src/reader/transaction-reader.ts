import type { Transaction } from "../change.ts";
import type { StreamEvent } from "../decode/decoder.ts";
import type { Recorder } from "./recorder.ts";

/** Follows the events of a stream and hands each transaction to the recorder. */
export interface TransactionReader {
  /** Whether a transaction has begun and its commit has not come yet. */
  readonly isInside: boolean;
  /** Where the transaction that has begun is committed. */
  readonly commitLsn: bigint | undefined;
  handle(event: StreamEvent): Promise<void>;
}

/**
 * @param recordedLsn everything that was committed before this on the stream's timeline is in the change
 *   log already, and is left out when the slot gives it once more.
 * @param refused tables that can't be captured: wal2json gives their inserts nevertheless.
 */
export function createTransactionReader(
  recorder: Recorder,
  recordedLsn: bigint,
  refused: ReadonlyMap<string, string>,
): TransactionReader {
  let current: { transaction: Transaction; ordinal: number; isRecorded: boolean } | undefined;

  return {
    get isInside() {
      return current !== undefined;
    },
    get commitLsn() {
      return current?.transaction.lsn;
    },
    async handle(event) {
      if (event.kind === "begin") {
        const { transaction } = event;
        current = { transaction, ordinal: 0, isRecorded: transaction.lsn < recordedLsn };
      } else if (event.kind === "change") {
        if (current === undefined) throw new Error("the slot gave a change outside a transaction");
        const { transaction, ordinal, isRecorded } = current;
        current.ordinal += 1;
        // It keeps its ordinal, so that the others have the same one when they are given once more.
        const isWanted = !isRecorded && !refused.has(event.change.table);
        if (isWanted) await recorder.add(transaction, ordinal, event.change);
      } else if (event.kind === "commit") {
        if (current === undefined)
          throw new Error("the slot gave a commit without its transaction");
        const { transaction, isRecorded } = current;
        current = undefined;
        if (!isRecorded) await recorder.commit(event.endLsn, transaction.committedAt);
      }
    },
  };
}
