import { parseLsn } from "@centralcloud/postgres";
import type { CapturedTables } from "../captured-tables.ts";
import type { JsonText, Operation, RowChange } from "../change.ts";
import { formatTimestamp } from "../timestamp.ts";
import type { ColumnFacts, Decoder, StreamEvent, TableLookup } from "./decoder.ts";
import { toJsonObject, toJsonText } from "./json-value.ts";
import { truncated } from "./pgoutput.ts";

/** Numbers come as strings, as the option numeric-data-types-as-string asks. */
interface Column {
  readonly name: string;
  readonly typeoid: number;
  readonly value: string | boolean | null;
}

interface ChangeMessage {
  readonly action: "I" | "U" | "D";
  readonly schema: string;
  readonly table: string;
  readonly columns?: readonly Column[];
  readonly identity?: readonly Column[];
  readonly pk?: readonly { readonly name: string }[];
}

type Message =
  | ChangeMessage
  | { readonly action: "T"; readonly schema: string; readonly table: string }
  | {
      readonly action: "B" | "C";
      readonly xid: number;
      readonly timestamp: string;
      readonly lsn: string;
      readonly nextlsn: string;
    }
  | {
      readonly action: "M";
      readonly transactional: boolean;
      readonly lsn: string;
      readonly prefix: string;
      readonly content: string;
    };

const operations: Readonly<Record<ChangeMessage["action"], Operation>> = {
  I: "insert",
  U: "update",
  D: "delete",
};

const nothing: readonly StreamEvent[] = [];

/**
 * Understands wal2json, format version 2, with the options of `startOptions`. Its messages hold every
 * column; those that are not stored are dropped here.
 */
export function createWal2jsonDecoder(tables: CapturedTables, lookup: TableLookup): Decoder {
  function readChange(
    name: string,
    message: ChangeMessage,
    facts: ColumnFacts,
    baseOf: (type: number) => number,
  ): StreamEvent {
    const { action, columns, identity, pk = [] } = message;
    const keyNames = new Set(pk.map((column) => column.name));
    const isGiven = (column: string) =>
      tables.isStored(name, column) && !facts.generated.has(column);
    const fieldsOf = (list: readonly Column[] = []) =>
      list.filter((column) => isGiven(column.name)).map((column) => toField(column, baseOf));
    const key = fieldsOf((identity ?? columns)?.filter((column) => keyNames.has(column.name)));
    const isWhole = identity?.some((column) => !keyNames.has(column.name)) ?? false;
    const present = new Set(columns?.map((column) => column.name));
    const change: RowChange = {
      table: name,
      operation: operations[action],
      key: key.length === 0 ? null : toJsonObject(key),
      oldValues: isWhole ? toJsonObject(fieldsOf(identity)) : null,
      newValues: columns === undefined ? null : toJsonObject(fieldsOf(columns)),
      unchanged:
        action === "U"
          ? facts.large.filter((column) => !present.has(column) && isGiven(column))
          : [],
    };
    return { kind: "change", change };
  }

  function decodeChange(
    name: string,
    message: ChangeMessage,
  ): readonly StreamEvent[] | Promise<readonly StreamEvent[]> {
    const all = [...(message.columns ?? []), ...(message.identity ?? [])];
    const facts = lookup.columnsOf(message.schema, message.table);
    const baseOf = lookup.baseTypes(all.map(({ typeoid }) => typeoid));
    if (!(facts instanceof Promise) && !(baseOf instanceof Promise)) {
      return [readChange(name, message, facts, baseOf)];
    }
    return Promise.all([facts, baseOf]).then((known) => [readChange(name, message, ...known)]);
  }

  return {
    expected: [],
    tableOf(payload) {
      // The beginning is enough, and a payload may be larger than a string can be.
      const start = payload.subarray(0, longestStart).toString("utf8");
      const [, schema, table] =
        /"schema":("(?:[^"\\]|\\.)*"),"table":("(?:[^"\\]|\\.)*")/.exec(start) ?? [];
      if (schema === undefined || table === undefined) return undefined;
      return tables.nameOf(JSON.parse(schema), JSON.parse(table));
    },
    decode(payload) {
      const message = parse(payload);
      switch (message.action) {
        case "B": {
          const { lsn, xid, timestamp } = message;
          const committedAt = formatTimestamp(timestamp);
          return [
            { kind: "begin", transaction: { lsn: parseLsn(lsn), committedAt, xid: String(xid) } },
          ];
        }
        case "C":
          return [{ kind: "commit", endLsn: parseLsn(message.nextlsn) }];
        case "M": {
          const { transactional, lsn, prefix, content } = message;
          if (transactional) return nothing;
          return [{ kind: "message", lsn: parseLsn(lsn), prefix, content }];
        }
        default: {
          const name = tables.nameOf(message.schema, message.table);
          if (name === undefined) return nothing;
          if (message.action === "T") return [{ kind: "change", change: truncated(name) }];
          return decodeChange(name, message);
        }
      }
    },
  };
}

/** Where the table's name stands in a message, in bytes from its beginning. */
const longestStart = 2_000;

const actions: ReadonlySet<unknown> = new Set(["B", "C", "I", "U", "D", "T", "M"]);

/** Beyond its action, a message's shape is wal2json's promise: a million rows are not checked field by field. */
function parse(payload: Buffer): Message {
  const message = JSON.parse(payload.toString("utf8")) as Message;
  if (actions.has(message.action)) return message;
  throw new Error("wal2json sent a message that is not known here");
}

function toField(
  { name, typeoid, value }: Column,
  baseOf: (type: number) => number,
): readonly [string, JsonText] {
  return [name, value === null ? "null" : toJsonText(baseOf(typeoid), String(value))];
}
