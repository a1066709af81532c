import type { RowChange, Transaction } from "../change.ts";

/** A change as `central.record_changes` takes it: its documents are JSON already, and stay as they are. */
export function renderChange(
  { lsn, xid, committedAt }: Transaction,
  ordinal: number,
  change: RowChange,
): string {
  const { table, operation, unchanged } = change;
  const fields = [
    `"lsn":${lsn}`,
    `"ordinal":${ordinal}`,
    `"xid":${xid}`,
    `"committed_at":"${committedAt}"`,
    `"table_name":${JSON.stringify(table)}`,
    `"operation":"${operation}"`,
  ];
  if (change.key !== null) fields.push(`"key":${change.key}`);
  if (change.oldValues !== null) fields.push(`"old_values":${change.oldValues}`);
  if (change.newValues !== null) fields.push(`"new_values":${change.newValues}`);
  if (unchanged.length > 0) fields.push(`"unchanged":${JSON.stringify(unchanged)}`);
  return `{${fields.join(",")}}`;
}
