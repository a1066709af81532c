import type { RowChange, Transaction } from "../change.ts";

/** What a slot gives, one after the other: a transaction's begin, its changes, its commit; and messages. */
export type StreamEvent =
  | { readonly kind: "begin"; readonly transaction: Transaction }
  | { readonly kind: "change"; readonly change: RowChange }
  | {
      readonly kind: "commit";
      /** Where the next thing in the log begins: with this transaction everything before it was given. */
      readonly endLsn: bigint;
    }
  | {
      readonly kind: "message";
      readonly lsn: bigint;
      readonly prefix: string;
      readonly content: string;
    };

/** Understands one output plugin. It keeps what it was told of tables, so it serves one stream. */
export interface Decoder {
  /** @param payload what the plugin wrote at once. A promise only where the source must be asked. */
  decode(payload: Buffer): readonly StreamEvent[] | Promise<readonly StreamEvent[]>;
}

/** Answers what no output plugin tells. */
export interface TableLookup {
  /** The names of the primary key's columns. */
  readPrimaryKey(schema: string, table: string): Promise<readonly string[]>;
  /** The names of the columns that may be left out of a change because they did not change. */
  readLargeColumns(schema: string, table: string): Promise<readonly string[]>;
}
