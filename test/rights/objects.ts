import type { Pool } from "pg";

/** Something of a database that rights can be given on. */
export interface CatalogObject {
  /** Such as `table public.agents`; `partition of …` for each part of a partitioned table. */
  readonly name: string;
  readonly kind: "database" | "schema" | "table" | "view" | "sequence" | "function";
  readonly schema: string;
  /** Whether it belongs to centralcloud_owner. */
  readonly owned: boolean;
  readonly columns: readonly string[];
  /** Every right that there is on it. */
  readonly possible: readonly string[];
  /** Those that the login has, however it got them. */
  readonly rights: readonly string[];
  /** Those that it may pass on. */
  readonly grantable: readonly string[];
  /** Statements that need one of these rights and do nothing. */
  readonly attempts: readonly Attempt[];
}

export interface Attempt {
  readonly statement: string;
  readonly right: readonly string[];
}

interface Found extends Omit<CatalogObject, "attempts"> {
  readonly quoted: string;
  /** The arguments of a function as columns that are null. */
  readonly given: string;
  readonly called: "select" | "call" | "trigger" | null;
}

const ofTables = ["select", "insert", "update", "delete", "truncate", "references", "trigger"];

/** Every object of the database but what belongs to PostgreSQL or to an extension. */
export async function objectsOf(pool: Pool, login = "postgres"): Promise<readonly CatalogObject[]> {
  const { rows } = await pool.query<Found>(query, [login, ofTables]);
  return rows.map((found) => ({ ...found, attempts: attemptsOn(found) }));
}

const query = `
with object as (
  select 'database' as kind, d.oid, 'database' as name, '' as schema, '' as quoted, d.datdba as owner, '' as given,
         null as called, '{}'::text[] as columns, array['create', 'connect', 'temporary'] as possible
    from pg_database d where d.datname = current_database()
   union all
  select 'schema', n.oid, 'schema ' || n.nspname, n.nspname, quote_ident(n.nspname), n.nspowner, '', null, '{}',
         array['usage', 'create']
    from pg_namespace n
   union all
  select k.kind, c.oid,
         case when c.relispartition
              then (select format('partition of %s.%s', pn.nspname, p.relname)
                      from pg_inherits i join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
                     where i.inhrelid = c.oid)
              else format('%s %s.%s', k.kind, n.nspname, c.relname) end,
         n.nspname, format('%I.%I', n.nspname, c.relname), c.relowner, '', null, a.columns,
         case k.kind when 'sequence' then array['select', 'update', 'usage'] else $2::text[] || a.rights end
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join (values ('r', 'table'), ('p', 'table'), ('v', 'view'), ('m', 'view'), ('S', 'sequence'), ('f', 'table')) as k (relkind, kind)
      on k.relkind = c.relkind
   cross join lateral (
     select coalesce(array_agg(a.attname order by a.attnum), '{}')::text[] as columns,
            coalesce(array_agg(format('%s (%s)', r.privilege, a.attname) order by a.attnum), '{}') as rights
       from pg_attribute a cross join unnest(array['select', 'insert', 'update', 'references']) as r (privilege)
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   ) a
   union all
  select 'function', p.oid, format('function %s.%s', n.nspname, p.proname), n.nspname,
         format('%I.%I', n.nspname, p.proname), p.proowner,
         coalesce((select string_agg(format('null::%s', a.type::regtype), ', ' order by a.place)
                     from unnest(p.proargtypes::oid[]) with ordinality as a (type, place)), ''),
         case when p.prorettype = 'trigger'::regtype then 'trigger' when p.prokind = 'p' then 'call' else 'select' end,
         '{}', array['execute']
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname <> 'pgmq'
)
select o.kind, o.name, o.schema, o.quoted, o.given, o.called, o.possible, r.rights, r.grantable,
       array(select distinct unnest(o.columns)) as columns,
       coalesce(o.owner = to_regrole('centralcloud_owner'), false) as owned
  from object o
 cross join lateral (
   select coalesce(array_agg(p.privilege) filter (where h.has), '{}') as rights,
          coalesce(array_agg(p.privilege) filter (where h.passes), '{}') as grantable
     from unnest(o.possible) as p (privilege)
    cross join lateral (select split_part(p.privilege, ' ', 1) as privilege,
                               substring(p.privilege from '\\((.*)\\)') as attname) s
    cross join lateral (
      select case when s.attname is not null then has_column_privilege($1, o.oid, s.attname, s.privilege)
                  when o.kind = 'database' then has_database_privilege($1, o.oid, s.privilege)
                  when o.kind = 'schema' then has_schema_privilege($1, o.oid, s.privilege)
                  when o.kind = 'sequence' then has_sequence_privilege($1, o.oid, s.privilege)
                  when o.kind = 'function' then has_function_privilege($1, o.oid, s.privilege)
                  else has_table_privilege($1, o.oid, s.privilege) end as has,
             case when s.attname is not null then has_column_privilege($1, o.oid, s.attname, s.privilege || ' with grant option')
                  when o.kind = 'database' then has_database_privilege($1, o.oid, s.privilege || ' with grant option')
                  when o.kind = 'schema' then has_schema_privilege($1, o.oid, s.privilege || ' with grant option')
                  when o.kind = 'sequence' then has_sequence_privilege($1, o.oid, s.privilege || ' with grant option')
                  when o.kind = 'function' then has_function_privilege($1, o.oid, s.privilege || ' with grant option')
                  else has_table_privilege($1, o.oid, s.privilege || ' with grant option') end as passes
    ) h
 ) r
 where o.schema not in ('pg_catalog', 'information_schema', 'pg_toast') and o.schema !~ '^pg_(toast_)?temp_'
   and not exists (select from pg_depend d where d.objid = o.oid and d.deptype = 'e' and o.schema <> 'pgmq')
   -- What belongs to the schema of an extension, such as pg_cron's, is not ours to grant.
   and o.schema in ('', 'public', 'pgmq', 'central', 'centralcloud_migrations')
 order by o.name`;

function attemptsOn({ kind, quoted, columns, given, called, possible }: Found): Attempt[] {
  const right = (...names: readonly string[]) => names;
  if (kind === "sequence") {
    return [
      { statement: `select from ${quoted}`, right: right("select") },
      { statement: `select setval('${quoted}', 1000)`, right: right("update") },
      { statement: `select nextval('${quoted}')`, right: right("usage", "update") },
    ];
  }
  if (kind === "function") {
    if (called === "trigger") return [];
    const statement =
      called === "call"
        ? `call ${quoted}(${given})`
        : // Not constants, with which a strict function would not even be looked up.
          `select ${quoted}(${argumentsOf(given)}) from ${rowOf(given)} offset 0`;
    return [{ statement, right: right("execute") }];
  }
  if (kind !== "table" && kind !== "view") return [];
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const reads = columns.map((column) => ({
    statement: `select ${quote(column)} from ${quoted} where false`,
    right: right(`select (${column})`),
  }));
  // Most views are not written to by anybody, which is said before rights are looked at.
  if (kind === "view") return reads;
  const writes = columns.flatMap((column) => [
    {
      statement: `insert into ${quoted} (${quote(column)}) values (default)`,
      right: right(`insert (${column})`),
    },
    {
      statement: `update ${quoted} set ${quote(column)} = default where false`,
      right: right(`update (${column})`),
    },
  ]);
  return [
    ...reads,
    ...writes,
    { statement: `delete from ${quoted} where false`, right: right("delete") },
    { statement: `truncate ${quoted} cascade`, right: right("truncate") },
  ].filter(() => possible.length > 0);
}

function rowOf(given: string): string {
  return given === "" ? "(values (1)) as a (a0)" : `(select ${aliased(given)} offset 0) as a`;
}

function aliased(given: string): string {
  return given
    .split(", ")
    .map((one, index) => `${one} as a${index}`)
    .join(", ");
}

function argumentsOf(given: string): string {
  if (given === "") return "";
  return given
    .split(", ")
    .map((_, index) => `a.a${index}`)
    .join(", ");
}
