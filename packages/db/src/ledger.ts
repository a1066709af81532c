import type { Pool } from "pg";

/** A message by its identity, as far as it differs within one queue of one source. */
export interface LedgerKey {
  /** In decimal digits. */
  readonly msgId: string;
  /** When it was queued, in seconds since 1970, with six decimals. */
  readonly enqueuedEpoch: string;
}

/** Those of the messages that the central store has merged, one look-up in the ledger each. */
export async function findMerged(
  central: Pool,
  { sourceId, queue }: { readonly sourceId: string; readonly queue: string },
  messages: readonly LedgerKey[],
): Promise<readonly LedgerKey[]> {
  if (messages.length === 0) return [];
  const { rows } = await central.query<LedgerKey>(
    `select p.msg_id::text as "msgId",
            extract(epoch from p.enqueued_at)::numeric(20, 6)::text as "enqueuedEpoch"
       from central.lanes l
       join central.processed_messages p on p.lane_id = l.lane_id
      where l.source_id = $1 and l.queue = $2 and p.msg_id = any ($3::bigint[])`,
    [sourceId, queue, messages.map(({ msgId }) => msgId)],
  );
  const wanted = new Set(messages.map(textOf));
  return rows.filter((row) => wanted.has(textOf(row)));
}

function textOf({ msgId, enqueuedEpoch }: LedgerKey): string {
  return `${msgId} ${enqueuedEpoch}`;
}
