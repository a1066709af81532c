import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { migrationsOf, type Plane } from "../migrate/plane.ts";

/**
 * Which SQL objects each migration goes with, by checksum: `objects.json` beside the migrations.
 * It makes every change of an object a step of the journal too, so that a database whose objects are
 * newer than a build is recognised by that build.
 */
export type ObjectRecord = Readonly<Record<string, string>>;

function fileOf(plane: Plane): URL {
  return new URL("objects.json", migrationsOf(plane));
}

export function readObjectRecord(plane: Plane): ObjectRecord {
  const file = fileOf(plane);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ObjectRecord) : {};
}

export function writeObjectRecord(plane: Plane, record: ObjectRecord): void {
  writeFileSync(fileOf(plane), `${JSON.stringify(record, null, 2)}\n`);
}
