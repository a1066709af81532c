import type { Side } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { compareCatalogs, type Difference } from "./compare.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { readCatalog } from "./read-catalog.ts";
import { compareRights, type RightsDifference } from "./rights.ts";

/** How a database differs from one that was migrated just now. */
export interface Drift {
  /** In the order in which they can be repaired. */
  readonly differences: readonly Difference[];
  /** On what is not ours. */
  readonly rights: readonly RightsDifference[];
}

/** Compares a database that has all migrations of this build with the manifest. Two or three round trips. */
export async function findDrift(side: Side, client: ClientBase): Promise<Drift> {
  const manifest = readManifest(side);
  const rights = await compareRights(side, client);
  const differences = compareCatalogs(manifest, await readCatalog(side, client));
  return { differences, rights };
}

/** What is wrong with a database that is complete, but has no records of migrations. */
export const recordsMissing = "the record of its migrations is missing";

/** Whether a database has all tables and columns of this build: so it does where only our records are lost. */
export async function isComplete(side: Side, client: ClientBase): Promise<boolean> {
  const manifest: Manifest = readManifest(side);
  const catalog = await readCatalog(side, client);
  const ours = Object.entries(manifest.objects).filter(
    ([object]) => object.startsWith("table ") && !/ (pgmq|centralcloud_migrations)\./.test(object),
  );
  return ours.every(([object, facts]) =>
    Object.keys(facts)
      .filter((property) => property.startsWith("column "))
      .every((property) => catalog[object]?.[property] !== undefined),
  );
}
