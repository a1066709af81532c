import type { Pool } from "pg";
import type { ColumnFacts, TableLookup } from "../decode/decoder.ts";
import { SourceFaultError } from "../errors.ts";

/** How long what was read of a table is used again. */
const freshMs = 5_000;
/** Types below come with PostgreSQL; none of them is a domain. */
const firstOwnType = 16_384;

/**
 * Asks the source's catalog, as it is now; the log may be a little behind. In the moments after a column was
 * added, a change from before may count it among those that did not change.
 */
export function createTableLookup(source: Pool): TableLookup {
  const tables = new Map<string, ColumnFacts & { readonly readAt: number }>();
  /** What a domain is a domain of never changes. */
  const bases = new Map<number, number>();
  const baseOf = (type: number) => bases.get(type) ?? type;

  async function readColumns(schema: string, table: string): Promise<ColumnFacts> {
    const large = await readNames(source, schema, table, "a.attlen = -1 and a.attstorage <> 'p'");
    const generated = await readNames(source, schema, table, "a.attgenerated <> ''");
    const facts = { large, generated: new Set(generated), readAt: performance.now() };
    tables.set(`${schema}.${table}`, facts);
    return facts;
  }

  return {
    columnsOf(schema, table) {
      const known = tables.get(`${schema}.${table}`);
      const isFresh = known !== undefined && performance.now() - known.readAt < freshMs;
      return isFresh ? known : readColumns(schema, table);
    },
    readPrimaryKey: (schema, table) =>
      readNames(
        source,
        schema,
        table,
        `exists (select from pg_index i
                  where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey))`,
      ),
    baseTypes(types) {
      const unknown = types.filter((type) => type >= firstOwnType && !bases.has(type));
      if (unknown.length === 0) return baseOf;
      return readBaseTypes(source, unknown).then((found) => {
        for (const type of unknown) bases.set(type, found.get(type) ?? type);
        return baseOf;
      });
    },
  };
}

/** What each domain is a domain of in the end; a type that is none is itself. */
async function readBaseTypes(
  source: Pool,
  types: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await ask<{ type: number; base: number }>(
    source,
    `with recursive chain as (
       select t.oid as type, t.oid as base, t.typtype, t.typbasetype
         from pg_type t where t.oid = any ($1::oid[])
        union all
       select c.type, t.oid, t.typtype, t.typbasetype
         from chain c
         join pg_type t on t.oid = c.typbasetype
        where c.typtype = 'd'
     )
     select c.type::bigint::float8 as type, c.base::bigint::float8 as base
       from chain c where c.typtype <> 'd'`,
    [types],
  );
  return new Map(rows.map(({ type, base }) => [type, base]));
}

/** @throws {SourceFaultError} so that it is told apart from a change that can't be decoded. */
function ask<Row extends object>(source: Pool, text: string, values: unknown[]) {
  return source.query<Row>(text, values).catch((error: unknown) => {
    throw new SourceFaultError(error);
  });
}

async function readNames(
  source: Pool,
  schema: string,
  table: string,
  condition: string,
): Promise<readonly string[]> {
  const { rows } = await ask<{ name: string }>(
    source,
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
