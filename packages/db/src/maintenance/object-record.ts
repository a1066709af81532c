import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Side } from "@centralcloud/postgres";
import { migrationsOf } from "../migrate/side.ts";

/**
 * Which SQL objects each migration goes with, by checksum: `objects.json` beside the migrations.
 * It makes every change of an object a step of the journal too, so that a database whose objects are
 * newer than a build is recognised by that build.
 */
export type ObjectRecord = Readonly<Record<string, string>>;

function fileOf(side: Side): URL {
  return new URL("objects.json", migrationsOf(side));
}

export function readObjectRecord(side: Side): ObjectRecord {
  const file = fileOf(side);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ObjectRecord) : {};
}

export function writeObjectRecord(side: Side, record: ObjectRecord): void {
  writeFileSync(fileOf(side), `${JSON.stringify(record, null, 2)}\n`);
}
