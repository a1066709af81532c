import type { Pool } from "pg";
import type { TableLookup } from "../decode/decoder.ts";

/** How long what was read of a table is used again. */
const freshMs = 5_000;

interface Known {
  readonly columns: readonly string[];
  readonly readAt: number;
}

/**
 * Asks the source's catalog, as it is now; the log may be a little behind. In the moments after a column was
 * added, a change from before may count it among those that did not change.
 */
export function createTableLookup(source: Pool): TableLookup {
  const large = new Map<string, Known>();

  async function readLargeColumns(schema: string, table: string): Promise<readonly string[]> {
    const name = `${schema}.${table}`;
    const known = large.get(name);
    if (known !== undefined && performance.now() - known.readAt < freshMs) return known.columns;
    const columns = await readNames(source, schema, table, "a.attlen = -1 and a.attstorage <> 'p'");
    large.set(name, { columns, readAt: performance.now() });
    return columns;
  }

  return {
    readLargeColumns,
    readPrimaryKey: (schema, table) =>
      readNames(
        source,
        schema,
        table,
        `exists (select from pg_index i
                  where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey))`,
      ),
  };
}

async function readNames(
  source: Pool,
  schema: string,
  table: string,
  condition: string,
): Promise<readonly string[]> {
  const { rows } = await source.query<{ name: string }>(
    `select a.attname as name
       from pg_attribute a
       join pg_class c on c.oid = a.attrelid
       join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped and ${condition}
      order by a.attnum`,
    [schema, table],
  );
  return rows.map(({ name }) => name);
}
