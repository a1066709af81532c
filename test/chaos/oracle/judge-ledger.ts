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
    const { source, fate } = load.message(number);
    const sent = outcomes[source]?.sent.get(number);
    if (fate !== "merged" || sent === undefined) continue;
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
  const undecided = await central.query<{ msg_id: string; error_code: string; count: string }>(
    `select f.msg_id::text, f.error_code, count(*)::text as count
       from central.delivery_failures f group by 1, 2 order by 1`,
  );
  for (const { msg_id, error_code, count } of undecided) {
    differences.push(
      `${count} attempts (${error_code}) of msg_id ${msg_id} are still recorded, though it is decided`,
    );
  }
  return differences;
}

function nameRow({ source_id, queue, msg_id, enqueued_at }: LedgerRow): string {
  return `source ${source_id}, ${queue}, msg_id ${msg_id}, ${enqueued_at}`;
}
