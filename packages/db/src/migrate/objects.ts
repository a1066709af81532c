import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Side } from "@centralcloud/postgres";
import { rolesOf } from "./roles.ts";
import { landedNameOf, objectsOf, roleFiles } from "./side.ts";

/** One SQL object: a file of `sql/`, which may be applied any number of times. */
export interface SqlObject {
  /** Its path below `sql`, such as `central/functions/merge_patterns.sql`. */
  readonly path: string;
  readonly statements: string;
}

/** The order in which kinds of objects are applied; later kinds use earlier ones. Roles come first. */
const kinds = [
  "storage",
  "functions",
  "views",
  "triggers",
  "queues",
  "schedules",
  "grants",
] as const;

type Kind = (typeof kinds)[number];

/** By side; the files of a build do not change while it runs. */
const objectsRead = new Map<Side, readonly SqlObject[]>();

export function readObjects(side: Side): readonly SqlObject[] {
  const known = objectsRead.get(side);
  if (known !== undefined) return known;
  const roles = rolesOf[side].map((role) => readObject("roles", role, roleFiles));
  const others = kinds.flatMap((kind) =>
    namesOfObjects(side, kind).map((name) =>
      readObject(`${landedNameOf(side)}/${kind}`, name, folderOf(side, kind)),
    ),
  );
  const objects = [...roles, ...others];
  objectsRead.set(side, objects);
  return objects;
}

/** The objects of a kind, by the names of their files, which are theirs. */
export function namesOfObjects(side: Side, kind: Kind): readonly string[] {
  const folder = folderOf(side, kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => file.slice(0, -".sql".length));
}

function folderOf(side: Side, kind: Kind): URL {
  return new URL(`${kind}/`, objectsOf(side));
}

function readObject(path: string, name: string, folder: URL): SqlObject {
  const statements = readFileSync(new URL(`${name}.sql`, folder), "utf8");
  return { path: `${path}/${name}.sql`, statements };
}

/** One value for the whole set; it changes whenever any object does. */
export function checksumOf(objects: readonly SqlObject[]): string {
  const hash = createHash("sha256");
  for (const { path, statements } of objects) hash.update(`${path}\0${statements}\0`);
  return hash.digest("hex");
}
