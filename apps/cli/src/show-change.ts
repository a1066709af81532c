import type { Change } from "@centralcloud/cdc";
import { formatLsn } from "@centralcloud/postgres";
import { printable } from "@centralcloud/service";
import { maskRow } from "@centralcloud/trace";
import { print } from "./output.ts";
import { showText, withMissing } from "./show-answers.ts";
import { type Answers, assertComplete } from "./sources.ts";

/** A change, or an entry of the change log, with the source that it is from. */
export type Shown = Omit<Change, "lsn" | "operation"> & {
  /** Of an entry of the change log. */
  readonly cursor?: string;
  readonly source: string;
  readonly lsn: bigint | string;
  readonly operation: string;
  /** Whether its contents were masked; default: no. */
  readonly masked?: boolean;
};

/** The same without contents: of a row what its table is known to show, and of the rest that something stands there. */
export function maskChange(change: Shown): Shown {
  const mask = (text: string | null) => (text === null ? null : maskRow(change.table, text));
  const { key, oldValues, newValues } = change;
  return {
    ...change,
    masked: true,
    key: mask(key),
    oldValues: mask(oldValues),
    newValues: mask(newValues),
  };
}

/** As JSON on one line; the documents as they are, digit by digit. */
export function changeAsJson(change: Shown): string {
  const { cursor, source, ordinal, xid, committedAt, table, operation, unchanged } = change;
  const { key, oldValues, newValues } = change;
  const start = JSON.stringify({
    source,
    lsn: lsnOf(change),
    ordinal,
    xid,
    committedAt,
    table,
    operation,
    unchanged,
    masked: change.masked === true,
    ...(cursor === undefined ? {} : { cursor }),
  });
  return `${start.slice(0, -1)},"key":${key},"oldValues":${oldValues},"newValues":${newValues}}`;
}

/** As a line for people. */
export function changeAsLine(change: Shown): string {
  const { committedAt, operation, table, key, oldValues, newValues, unchanged } = change;
  const parts = [committedAt, `${lsnOf(change)}.${change.ordinal}`, operation, table];
  if (key !== null) parts.push(key);
  if (oldValues !== null) parts.push(`from ${oldValues}`);
  if (newValues !== null) parts.push(operation === "update" ? `to ${newValues}` : newValues);
  if (unchanged.length > 0) parts.push(`(unchanged: ${unchanged.join(", ")})`);
  return parts.map(printable).join("  ");
}

/** Several as one JSON array, or as lines. */
function formatChanges(changes: readonly Shown[], json: boolean): string {
  if (json) return `[${changes.map(changeAsJson).join(",")}]`;
  return changes.length === 0 ? "(none)" : changes.map(changeAsLine).join("\n");
}

/** Prints the changes of every source that answered, and names the others. @throws {SourcesMissingError} */
export function showChanges(
  asked: Answers<readonly Shown[]>,
  { json }: { readonly json: boolean },
): void {
  const text = formatChanges(asked.answers.flat(), json);
  if (json) print(withMissing(asked, "changes", text));
  else showText(asked, text);
  assertComplete(asked);
}

function lsnOf({ lsn }: Shown): string {
  return typeof lsn === "string" ? lsn : formatLsn(lsn);
}
