import { type CapturedTables, qualify } from "../captured-tables.ts";
import { captureName, type Plugin } from "./capture-slot.ts";

/** Whose messages in the write-ahead log are a heartbeat of ours. */
export const heartbeatPrefix = "centralcloud.heartbeat";

/** What the output plugin is told when reading starts. The decoders rely on each of these. */
export function startOptions(
  plugin: Plugin,
  tables: CapturedTables,
): Readonly<Record<string, string>> {
  if (plugin === "pgoutput") {
    // The publication says which tables and columns. Names are quoted as in SQL, within the string.
    return { proto_version: "1", publication_names: captureName, messages: "true" };
  }
  return {
    "format-version": "2",
    "include-xids": "on",
    "include-timestamp": "on",
    "include-lsn": "on",
    "include-pk": "on",
    // The names of types are not escaped: one with quotes in it makes broken JSON.
    "include-types": "off",
    "include-type-oids": "on",
    "numeric-data-types-as-string": "on",
    "add-tables": tables.names.map((name) => qualify(name).map(protect).join(".")).join(","),
    "add-msg-prefixes": heartbeatPrefix,
  };
}

/** wal2json's list is separated by commas, and has its own meaning of these. */
function protect(identifier: string): string {
  return identifier.replaceAll(/[\\,. *']/g, (character) => `\\${character}`);
}
