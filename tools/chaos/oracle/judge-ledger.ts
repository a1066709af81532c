import type { Load } from "../load/load.ts";
import type { Databases } from "../servers/prepare-databases.ts";
import type { Outcomes } from "./read-outcomes.ts";

interface LedgerRow {
  readonly source_id: string;
  readonly queue: string;
  readonly msg_id: string;
  readonly enqueued_at: string;
}

/**
 * The ledger must hold the messages that are merged, and no other: a row without its message would
 * make a later one count as a duplicate, a message without its row would count again.
 */
export async function judgeLedger(
  load: Load,
  outcomes: readonly Outcomes[],
  { central, sources }: Databases,
): Promise<string[]> {
  const rows = await central.query<LedgerRow>(
    `select l.source_id::text, l.queue, p.msg_id::text, to_jsonb(p.enqueued_at) #>> '{}' as enqueued_at
       from central.processed_messages p join central.lanes l using (lane_id)`,
  );
  const surplus = new Map(rows.map((row) => [nameRow(row), row]));
  const differences: string[] = [];
  for (let number = 0; number < load.count; number++) {
    const { source, outcome } = load.message(number);
    const sent = outcomes[source]?.sent.get(number);
    if (outcome !== "merged" || sent === undefined) continue;
    const name = nameRow({
      source_id: sources[source]?.sourceId ?? "",
      queue: sent.queue,
      msg_id: sent.msgId,
      enqueued_at: sent.enqueuedAt,
    });
    if (!surplus.delete(name))
      differences.push(`the ledger does not hold message ${number}: ${name}`);
  }
  for (const name of surplus.keys()) {
    differences.push(`the ledger holds what should not be merged: ${name}`);
  }
  return differences;
}

/**
 * How many attempts are still recorded although all messages are decided. They are forgotten after the
 * decision, so a fault in between leaves them until they are pruned: untidy, but no difference.
 */
export async function countLeftAttempts({ central }: Databases): Promise<number> {
  const rows = await central.query("select from central.delivery_failures");
  return rows.length;
}

function nameRow({ source_id, queue, msg_id, enqueued_at }: LedgerRow): string {
  return `source ${source_id}, ${queue}, msg_id ${msg_id}, ${enqueued_at}`;
}
