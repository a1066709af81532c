import type { CapturedTables } from "../captured-tables.ts";
import type { Plugin } from "../slot/capture-slot.ts";
import type { Decoder, TableLookup } from "./decoder.ts";
import { createPgoutputDecoder } from "./pgoutput.ts";
import { createWal2jsonDecoder } from "./wal2json.ts";

export function createDecoder(
  plugin: Plugin,
  tables: CapturedTables,
  lookup: TableLookup,
): Decoder {
  return plugin === "wal2json"
    ? createWal2jsonDecoder(tables, lookup)
    : createPgoutputDecoder(tables, lookup);
}
