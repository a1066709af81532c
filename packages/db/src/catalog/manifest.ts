import { readFileSync } from "node:fs";
import type { Side } from "@centralcloud/postgres";
import { readJournal } from "../migrate/journal.ts";
import { checksumOf, readObjects } from "../migrate/objects.ts";
import { landedNameOf } from "../migrate/side.ts";
import type { Catalog } from "./read-catalog.ts";

/** What a fresh migration makes; generated, see maintenance/write-manifest.ts. */
export interface Manifest {
  /** The newest migration that it has. */
  readonly migration: string;
  /** Of the SQL objects that it was made with. */
  readonly checksum: string;
  readonly objects: Catalog;
}

export function manifestFileOf(side: Side): URL {
  return new URL(`../../catalog/${landedNameOf(side)}.json`, import.meta.url);
}

/** What a manifest of this build's migrations and objects is of. */
export function stateOfBuild(side: Side): Omit<Manifest, "objects"> {
  return {
    migration: readJournal(side).at(-1)?.name ?? "",
    checksum: checksumOf(readObjects(side)),
  };
}

/** By side: many databases of a process are compared with one. */
const manifestsRead = new Map<Side, Manifest>();

/** @throws when it is that of other migrations or objects: a comparison would take news for damage. */
export function readManifest(side: Side): Manifest {
  const known = manifestsRead.get(side);
  if (known !== undefined) return known;
  const manifest = JSON.parse(readFileSync(manifestFileOf(side), "utf8")) as Manifest;
  const { migration, checksum } = stateOfBuild(side);
  if (manifest.migration !== migration || manifest.checksum !== checksum) {
    const name = landedNameOf(side);
    throw new Error(
      `packages/db/catalog/${name}.json is not that of ${migration} and sql/${name}; ` +
        "run `pnpm --filter @centralcloud/db generate`",
    );
  }
  manifestsRead.set(side, manifest);
  return manifest;
}
