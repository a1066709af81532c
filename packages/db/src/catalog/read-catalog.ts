import type { Side } from "@centralcloud/postgres";
import type { ClientBase, QueryResult } from "pg";
import { catalogQuery, recordsQuery } from "./catalog-query.ts";

/** What is known of each object, by its name and then by property. */
export type Catalog = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface Fact {
  readonly object: string;
  readonly property: string;
  readonly value: string;
}

/** What the database has of ours. One round trip, or two, in the caller's transaction or in one of its own. */
export async function readCatalog(side: Side, client: ClientBase): Promise<Catalog> {
  const catalog = groupFacts(await queryCatalogs<Fact>(client, catalogQuery(side)));
  if (side === "central" || !readsRecords(catalog)) return catalog;
  const records = await client.query<Fact>(recordsQuery);
  return { ...catalog, ...groupFacts(records.rows) };
}

/**
 * Asks with a search_path of `pg_catalog`, for which definitions are written, and in which nobody else's functions
 * are called. One round trip, in the caller's transaction or in one of its own.
 */
export async function queryCatalogs<Row extends object>(
  client: ClientBase,
  query: string,
): Promise<readonly Row[]> {
  const [rows] = await queryCatalogsTogether(client, [query]);
  return rows as readonly Row[];
}

/** The same for several queries without parameters, of which none depends on another: still one round trip. */
export async function queryCatalogsTogether(
  client: ClientBase,
  queries: readonly string[],
): Promise<readonly (readonly object[])[]> {
  const results: unknown = await client.query(
    `select set_config('centralcloud.search_path', current_setting('search_path'), true),
            set_config('search_path', 'pg_catalog', true);
     ${queries.join(";\n")};
     select set_config('search_path', current_setting('centralcloud.search_path'), true)`,
  );
  // Several statements have several results, which the types do not know.
  return (results as QueryResult<object>[]).slice(1, -1).map(({ rows }) => rows);
}

/** Whether the login may see what is kept in rows: jobs and queues. */
export function readsRecords(catalog: Catalog): boolean {
  return catalog.session !== undefined;
}

function groupFacts(facts: readonly Fact[]): Catalog {
  const catalog: Record<string, Record<string, string>> = {};
  for (const { object, property, value } of facts) {
    catalog[object] ??= {};
    catalog[object][property] = value;
  }
  return catalog;
}
