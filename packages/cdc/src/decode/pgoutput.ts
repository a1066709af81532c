import type { CapturedTables } from "../captured-tables.ts";
import type { JsonText, RowChange } from "../change.ts";
import { formatMicroseconds } from "../timestamp.ts";
import { ByteReader } from "./byte-reader.ts";
import type { Decoder, StreamEvent, TableLookup } from "./decoder.ts";
import { toJsonObject, toJsonText } from "./json-value.ts";

interface Column {
  readonly name: string;
  readonly typeOid: number;
  readonly isKey: boolean;
  readonly isStored: boolean;
}

/** A captured table as the stream last described it. */
interface Relation {
  readonly name: string;
  readonly columns: readonly Column[];
}

interface Tuple {
  readonly fields: readonly (readonly [string, JsonText])[];
  readonly unchanged: readonly string[];
}

const nothing: readonly StreamEvent[] = [];

/**
 * Understands PostgreSQL's own output plugin, protocol version 1: whole transactions, in the order of their
 * commits. (Later versions also send transactions that have not been committed yet, which would have to be
 * kept somewhere; the server does that better.) The messages are those of the manual's chapter "Logical
 * Replication Message Formats".
 */
export function createPgoutputDecoder(tables: CapturedTables, lookup: TableLookup): Decoder {
  const relations = new Map<number, Relation | undefined>();
  /** Described just now, because a change of it comes next. */
  let described: string | undefined;

  async function describe(reader: ByteReader): Promise<readonly StreamEvent[]> {
    const oid = reader.uint32();
    const schema = reader.name();
    const table = reader.name();
    const identity = reader.character();
    const name = tables.nameOf(schema, table);
    const columns = Array.from({ length: reader.int16() }, () => readColumn(reader));
    if (name === undefined) {
      relations.set(oid, undefined);
      return nothing;
    }
    const baseOf = await lookup.baseTypes(columns.map(({ typeOid }) => typeOid));
    described = name;
    // Where the identity is the full row, every column is flagged as part of it.
    const key = identity === "f" ? await lookup.readPrimaryKey(schema, table) : undefined;
    relations.set(oid, {
      name,
      columns: columns.map(({ isIdentity, ...column }) => ({
        ...column,
        typeOid: baseOf(column.typeOid),
        isKey: key === undefined ? isIdentity : key.includes(column.name),
        isStored: tables.isStored(name, column.name),
      })),
    });
    return nothing;
  }

  /** Undefined where the table is not captured. */
  function relationOf(oid: number): Relation | undefined {
    if (!relations.has(oid)) throw new Error(`pgoutput did not describe the relation ${oid}`);
    return relations.get(oid);
  }

  function readChange(type: string, reader: ByteReader): readonly StreamEvent[] {
    const relation = relationOf(reader.uint32());
    if (relation === undefined) return nothing;
    const marker = reader.character();
    const before = marker === "N" ? undefined : readTuple(reader, relation.columns);
    const isWhole = marker === "O";
    if (type === "U" && before !== undefined) reader.character();
    const after = type === "D" ? undefined : readTuple(reader, relation.columns);
    const change: RowChange = {
      table: relation.name,
      operation: type === "I" ? "insert" : type === "U" ? "update" : "delete",
      key: keyOf(relation, before ?? after),
      oldValues: isWhole && before !== undefined ? wholeRow(relation, before) : null,
      newValues: after === undefined ? null : toJsonObject(after.fields),
      unchanged: after?.unchanged ?? [],
    };
    return [{ kind: "change", change }];
  }

  function readTruncate(reader: ByteReader): readonly StreamEvent[] {
    const count = reader.int32();
    reader.uint8();
    return Array.from({ length: count }, () => relationOf(reader.uint32())).flatMap((relation) =>
      relation === undefined ? [] : [{ kind: "change", change: truncated(relation.name) }],
    );
  }

  return {
    get expected() {
      if (described !== undefined) return [described];
      return [...relations.values()].flatMap((relation) => relation?.name ?? []);
    },
    tableOf(payload) {
      const reader = new ByteReader(payload);
      return "IUD".includes(reader.character()) ? relations.get(reader.uint32())?.name : undefined;
    },
    decode(payload) {
      const reader = new ByteReader(payload);
      const type = reader.character();
      switch (type) {
        case "B":
          return [readBegin(reader)];
        case "R":
          return describe(reader);
        case "I":
        case "U":
        case "D":
          described = undefined;
          return readChange(type, reader);
        case "T":
          return readTruncate(reader);
        case "C":
          return [readCommit(reader)];
        case "M":
          return readMessage(reader);
        case "O": // where a transaction came from
        case "Y": // the name of a type
          return nothing;
        default:
          throw new Error(`pgoutput sent a message that is not known here: ${type}`);
      }
    },
  };
}

function readBegin(reader: ByteReader): StreamEvent {
  const lsn = reader.uint64();
  const committedAt = formatMicroseconds(reader.int64());
  return { kind: "begin", transaction: { lsn, committedAt, xid: String(reader.uint32()) } };
}

function readCommit(reader: ByteReader): StreamEvent {
  reader.uint8();
  reader.uint64();
  return { kind: "commit", endLsn: reader.uint64() };
}

function readMessage(reader: ByteReader): readonly StreamEvent[] {
  const isTransactional = (reader.uint8() & 1) === 1;
  const lsn = reader.uint64();
  const prefix = reader.name();
  const content = reader.text(reader.int32());
  return isTransactional ? nothing : [{ kind: "message", lsn, prefix, content }];
}

function readColumn(reader: ByteReader) {
  const isIdentity = (reader.uint8() & 1) === 1;
  const name = reader.name();
  const typeOid = reader.uint32();
  reader.int32();
  return { isIdentity, name, typeOid };
}

/** Values of columns that are not stored are read over, and go nowhere. */
function readTuple(reader: ByteReader, columns: readonly Column[]): Tuple {
  const fields: [string, JsonText][] = [];
  const unchanged: string[] = [];
  const count = reader.int16();
  for (let index = 0; index < count; index += 1) {
    const column = columns[index];
    if (column === undefined) throw new Error("pgoutput sent more values than columns");
    const { name, typeOid, isStored } = column;
    const kind = reader.character();
    const text = kind === "t" ? reader.text(reader.int32()) : undefined;
    if (!isStored) continue;
    if (text !== undefined) fields.push([name, toJsonText(typeOid, text)]);
    else if (kind === "n") fields.push([name, "null"]);
    else if (kind === "u") unchanged.push(name);
    else throw new Error(`pgoutput sent a value of a kind that is not known here: ${kind}`);
  }
  return { fields, unchanged };
}

/** In a tuple of the key alone, every other column is null; here too, only the key is taken. */
function keyOf(relation: Relation, tuple: Tuple | undefined): JsonText | null {
  const key = new Set(relation.columns.filter(({ isKey }) => isKey).map(({ name }) => name));
  const fields = tuple?.fields.filter(([name]) => key.has(name)) ?? [];
  return fields.length === 0 ? null : toJsonObject(fields);
}

/** Null where the row is its key: then it says nothing that the key does not. */
function wholeRow(relation: Relation, tuple: Tuple): JsonText | null {
  return relation.columns.every(({ isKey }) => isKey) ? null : toJsonObject(tuple.fields);
}

export function truncated(table: string): RowChange {
  return {
    table,
    operation: "truncate",
    key: null,
    oldValues: null,
    newValues: null,
    unchanged: [],
  };
}
