import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { objectsOf, type Plane } from "./plane.ts";

/** One SQL object: a file of `sql/`, which may be applied any number of times. */
export interface SqlObject {
  /** Its path below the plane's folder, such as `functions/merge_patterns.sql`. */
  readonly path: string;
  readonly statements: string;
}

/** The order in which kinds of objects are applied; later kinds use earlier ones. */
const kinds = ["storage", "functions", "views", "triggers", "queues", "schedules", "grants"];

export function readObjects(plane: Plane): readonly SqlObject[] {
  const folder = objectsOf(plane);
  return kinds.flatMap((kind) => {
    const files = new URL(`${kind}/`, folder);
    if (!existsSync(files)) return [];
    return readdirSync(files)
      .filter((file) => file.endsWith(".sql"))
      .sort()
      .map((file) => ({
        path: `${kind}/${file}`,
        statements: readFileSync(new URL(file, files), "utf8"),
      }));
  });
}

/** One value for the whole set; it changes whenever any object does. */
export function checksumOf(objects: readonly SqlObject[]): string {
  const hash = createHash("sha256");
  for (const { path, statements } of objects) hash.update(`${path}\0${statements}\0`);
  return hash.digest("hex");
}
