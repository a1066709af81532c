import { readFileSync } from "node:fs";
import { readJournal } from "../migrate/journal.ts";
import { checksumOf, readObjects } from "../migrate/objects.ts";
import type { Plane } from "../migrate/plane.ts";
import type { Catalog } from "./read-catalog.ts";

/** What a fresh migration makes; generated, see maintenance/write-manifest.ts. */
export interface Manifest {
  /** The newest migration that it has. */
  readonly migration: string;
  /** Of the SQL objects that it was made with. */
  readonly checksum: string;
  readonly objects: Catalog;
}

export function manifestFileOf(plane: Plane): URL {
  return new URL(`../../catalog/${plane}.json`, import.meta.url);
}

/** What a manifest of this build's migrations and objects is of. */
export function stateOfBuild(plane: Plane): Omit<Manifest, "objects"> {
  return {
    migration: readJournal(plane).at(-1)?.name ?? "",
    checksum: checksumOf(readObjects(plane)),
  };
}

/** By plane: many databases of a process are compared with one. */
const manifestsRead = new Map<Plane, Manifest>();

/** @throws when it is that of other migrations or objects: a comparison would take news for damage. */
export function readManifest(plane: Plane): Manifest {
  const known = manifestsRead.get(plane);
  if (known !== undefined) return known;
  const manifest = JSON.parse(readFileSync(manifestFileOf(plane), "utf8")) as Manifest;
  const { migration, checksum } = stateOfBuild(plane);
  if (manifest.migration !== migration || manifest.checksum !== checksum) {
    throw new Error(
      `packages/db/catalog/${plane}.json is not that of ${migration} and sql/${plane}; ` +
        "run `pnpm --filter @centralcloud/db generate`",
    );
  }
  manifestsRead.set(plane, manifest);
  return manifest;
}
