import type { Side } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { type CatalogState, readCatalogStateWith } from "../catalog/digest.ts";
import { type Migration, readJournal } from "./journal.ts";
import { checksumOf, readObjects } from "./objects.ts";
import { landedNameOf, recordSchema } from "./side.ts";

/** The database has migrations that this build does not know. */
export class DatabaseNewerError extends Error {
  readonly code = "database_newer";
  constructor(side: Side, unknown: readonly string[], newest: string) {
    super(
      `the ${side} database is newer than this build: it has ${unknown.join(", ")}, ` +
        `and the newest migration known here is ${newest}. Run the newer build; nothing was changed.`,
    );
    this.name = "DatabaseNewerError";
  }
}

/** What a database says of what was applied to it. */
export interface Records {
  /** The names of its migrations, oldest first; none where there are no records. */
  readonly applied: readonly string[];
  /** Whether its SQL objects are those of this build. */
  readonly objectsAreCurrent: boolean;
}

const nothing: Records = { applied: [], objectsAreCurrent: false };

/** By reading alone, and whether or not there are records. Two round trips. */
export async function readRecords(side: Side, client: ClientBase): Promise<Records> {
  const { rows: found } = await client.query<{ found: boolean }>(
    "select to_regclass($1) is not null and to_regclass($2) is not null as found",
    [`${recordSchema}.migrations`, `${recordSchema}.objects`],
  );
  if (!found[0]?.found) return nothing;
  const { rows } = await client.query<Records>(recordsOf(side));
  return rows[0] ?? nothing;
}

/** The query of {@link readRecords} where there are records. */
function recordsOf(side: Side): string {
  return `
select array(select m.name from ${recordSchema}.migrations m where m.plane::text = '${landedNameOf(side)}' order by m.created_at) as applied,
       exists (select from ${recordSchema}.objects o
                where o.plane::text = '${landedNameOf(side)}' and o.checksum = '${checksumOf(readObjects(side))}') as "objectsAreCurrent"`;
}

/** What was applied to a database, and whether a comparison has found it as it should be. */
export interface Standing {
  readonly records: Records;
  /** Undefined where this login may not see enough to tell. */
  readonly state: CatalogState | undefined;
}

/**
 * As {@link readRecords} and `readCatalogState`, in two round trips where the login may see all of it.
 *
 * @param queries of the same round trip, whose answers `others` has; undefined where that could not be.
 */
export async function readStanding(
  side: Side,
  client: ClientBase,
  queries: readonly string[] = [],
): Promise<Standing & { readonly others: readonly (readonly object[])[] | undefined }> {
  const found = await readCatalogStateWith(side, client, [recordsOf(side), ...queries]);
  if (found === undefined) {
    return { records: await readRecords(side, client), state: undefined, others: undefined };
  }
  const [records, ...others] = found.others as [readonly Records[], ...(readonly object[])[]];
  return { records: records[0] ?? nothing, state: found.state, others };
}

/** Whether they are all that this build has, and no more. */
export function areOfThisBuild(side: Side, { applied, objectsAreCurrent }: Records): boolean {
  const known = readJournal(side).map(({ name }) => name);
  return objectsAreCurrent && applied.join() === known.join();
}

/** The names of the migrations that a database has, oldest first. */
export async function readApplied(side: Side, client: ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select m.name from ${recordSchema}.migrations m where m.plane = $1 order by m.created_at`,
    [landedNameOf(side)],
  );
  return rows.map(({ name }) => name);
}

/** @throws {DatabaseNewerError} */
export function findPending(side: Side, names: readonly string[]): readonly Migration[] {
  const journal = readJournal(side);
  const applied = new Set(names);
  const known = new Set(journal.map(({ name }) => name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new DatabaseNewerError(side, unknown, journal.at(-1)?.name ?? "none");
  }
  return journal.filter(({ name }) => !applied.has(name));
}

/** Whether the SQL objects of a database are those of this build. */
export async function objectsAreCurrent(side: Side, client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ checksum: string }>(
    `select o.checksum from ${recordSchema}.objects o where o.plane = $1`,
    [landedNameOf(side)],
  );
  return rows[0]?.checksum === checksumOf(readObjects(side));
}
