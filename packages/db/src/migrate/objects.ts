import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { objectsOf, type Plane, roleFiles } from "./plane.ts";
import { rolesOf } from "./roles.ts";

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

/** By plane; the files of a build do not change while it runs. */
const objectsRead = new Map<Plane, readonly SqlObject[]>();

export function readObjects(plane: Plane): readonly SqlObject[] {
  const known = objectsRead.get(plane);
  if (known !== undefined) return known;
  const roles = rolesOf[plane].map((role) => readObject("roles", role, roleFiles));
  const others = kinds.flatMap((kind) =>
    namesOfObjects(plane, kind).map((name) =>
      readObject(`${plane}/${kind}`, name, folderOf(plane, kind)),
    ),
  );
  const objects = [...roles, ...others];
  objectsRead.set(plane, objects);
  return objects;
}

/** The objects of a kind, by the names of their files, which are theirs. */
export function namesOfObjects(plane: Plane, kind: Kind): readonly string[] {
  const folder = folderOf(plane, kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => file.slice(0, -".sql".length));
}

function folderOf(plane: Plane, kind: Kind): URL {
  return new URL(`${kind}/`, objectsOf(plane));
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
