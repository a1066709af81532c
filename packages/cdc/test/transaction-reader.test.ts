import { expect, test } from "vitest";
import type { RowChange, Transaction } from "../src/change.ts";
import type { Recorder } from "../src/reader/recorder.ts";
import { createTransactionReader } from "../src/reader/transaction-reader.ts";

/** What a recorder is given. */
function noting() {
  const added: string[] = [];
  const committed: bigint[] = [];
  const recorder = {
    isIdle: true,
    async add(transaction: Transaction, ordinal: number) {
      added.push(`${transaction.lsn}/${ordinal}`);
    },
    async commit(endLsn: bigint) {
      committed.push(endLsn);
    },
  } as unknown as Recorder;
  return { recorder, added, committed };
}

async function give(
  reader: ReturnType<typeof createTransactionReader>,
  lsn: bigint,
  tables: readonly string[],
): Promise<void> {
  const transaction = { lsn, committedAt: "2026-01-01T00:00:00Z" } as Transaction;
  await reader.handle({ kind: "begin", transaction });
  for (const table of tables) {
    await reader.handle({ kind: "change", change: { table } as RowChange });
  }
  await reader.handle({ kind: "commit", endLsn: lsn + 8n } as never);
}

test("what was committed before the cursor is left out; what was committed at it or later is not", async () => {
  const { recorder, added, committed } = noting();
  const reader = createTransactionReader(recorder, 100n, new Map());
  for (const lsn of [92n, 99n, 100n, 101n]) await give(reader, lsn, ["public.agents"]);
  expect(added).toEqual(["100/0", "101/0"]);
  expect(committed).toEqual([108n, 109n]);
});

test("a change of a refused table is left out, and the others keep their ordinals", async () => {
  const { recorder, added, committed } = noting();
  const refused = new Map([["public.refused", "why"]]);
  const reader = createTransactionReader(recorder, 0n, refused);
  await give(reader, 10n, ["public.agents", "public.refused", "public.agents"]);
  expect(added).toEqual(["10/0", "10/2"]);
  expect(committed).toEqual([18n]);
  expect(reader.isInside).toBe(false);
});
