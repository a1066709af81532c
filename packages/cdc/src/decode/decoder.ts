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
  /** The table that a payload is about, also where it can't be decoded. */
  tableOf(payload: Buffer): string | undefined;
  /** Tables one of which comes next, as far as the stream has told. */
  readonly expected: readonly string[];
}

/** What no output plugin tells of a table's columns. */
export interface ColumnFacts {
  /** Those that may be left out of a change because they did not change. */
  readonly large: readonly string[];
  /** Those that PostgreSQL computes: pgoutput and a snapshot leave them out. */
  readonly generated: ReadonlySet<string>;
}

/** Answers what no output plugin tells. A promise only where the source must be asked. */
export interface TableLookup {
  /** The names of the primary key's columns. */
  readPrimaryKey(schema: string, table: string): Promise<readonly string[]>;
  columnsOf(schema: string, table: string): ColumnFacts | Promise<ColumnFacts>;
  /** Gives what tells the type that a domain is a domain of; any other type is itself. */
  baseTypes(
    types: readonly number[],
  ): ((type: number) => number) | Promise<(type: number) => number>;
}
