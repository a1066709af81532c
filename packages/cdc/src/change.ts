/** The text of a JSON document. No number in it ever becomes one of JavaScript's, which are inexact. */
export type JsonText = string;

/** A snapshot's rows were there when a capture began anew. */
export type Operation = "insert" | "update" | "delete" | "truncate" | "snapshot";

/**
 * What happened to one row, or to a whole table (truncate): the same, whichever output plugin told it.
 * Columns that are not captured are in none of the documents.
 */
export interface RowChange {
  /** Without its schema where that is public. */
  readonly table: string;
  readonly operation: Operation;
  /** The primary key as it was before the change; of an inserted row, as it is. Null: it has none. */
  readonly key: JsonText | null;
  /** The whole row before, where the table's replica identity is full. */
  readonly oldValues: JsonText | null;
  readonly newValues: JsonText | null;
  /** Columns that are not in `newValues` because a large value in them did not change. */
  readonly unchanged: readonly string[];
}

/** A committed transaction of the source. */
export interface Transaction {
  /** Where its commit stands in the write-ahead log. With the ordinal it names a change. */
  readonly lsn: bigint;
  /** Null for a snapshot. */
  readonly xid: string | null;
  /** ISO 8601 in UTC, to the microsecond. */
  readonly committedAt: string;
}

/** A change with the transaction that made it. */
export interface Change extends Transaction, RowChange {
  /** Its place among the captured changes of its transaction, from 0. */
  readonly ordinal: number;
}
