import type { Pool } from "pg";

/** What the owner of a source may put in place of a relation that we read. */
export const poisons = {
  /** A hundred thousand rows, each with texts of a megabyte. */
  rows: "select n from generate_series(1, 100000) n",
  /** Nothing, for ever. */
  endless: "select 1 as n from pg_sleep(1000000)",
  /** Notices without end. */
  notices: "select n from public.notices_of_test() n",
  /** An error whose words are 20 MB long. */
  error: "select n from public.error_of_test() n",
  /** Rows of nulls, of other types than ours. */
  nulls: "select n from generate_series(1, 3) n",
} as const;

export type Poison = keyof typeof poisons;

export interface Relation {
  readonly schema: string;
  readonly name: string;
}

/** Every table and view of ours at a source, by name. */
export async function relationsOf(owner: Pool): Promise<readonly Relation[]> {
  const { rows } = await owner.query<Relation>(
    `select n.nspname as schema, c.relname as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'pgmq', 'centralcloud_migrations') and c.relkind in ('r', 'p', 'v', 'm')
        and not c.relispartition and pg_has_role(c.relowner, 'usage')
      order by 1, 2`,
  );
  return rows;
}

/** As the owner of a source: puts a view in place of each of these relations, which anybody may read. */
export async function poisonRelations(
  owner: Pool,
  relations: readonly Relation[],
  poison: Poison,
): Promise<void> {
  await owner.query(`
    create or replace function public.notices_of_test() returns setof integer language plpgsql as $$
    begin
      loop raise notice '%', repeat('x', 8000); end loop;
    end $$;
    create or replace function public.error_of_test() returns setof integer language plpgsql as $$
    begin
      raise exception '%', repeat('x', 20000000);
    end $$`);
  const text = poison === "nulls" ? "null::text" : "repeat('x', 1000000)";
  for (const { schema, name } of relations) {
    const { rows } = await owner.query<{ statement: string }>(
      `select format('alter %s %I.%I rename to %I', case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
                     else 'table' end, $1::text, $2::text, 'real_' || c.oid) || ';' ||
              format('create view %I.%I as select %s from (%s) p', $1::text, $2::text,
                     (select string_agg(format('%s as %I', case
                               when a.atttypid in ('text'::regtype, 'varchar'::regtype, 'name'::regtype) then $3::text
                               when a.atttypid in ('json'::regtype, 'jsonb'::regtype) and $5::text <> 'nulls'
                                 then format('to_json(%s)::%s', $3, format_type(a.atttypid, null))
                               when $5::text = 'nulls' then 'null::text'
                               when a.atttypid = 'uuid'::regtype then 'gen_random_uuid()'
                               else 'null::' || format_type(a.atttypid, a.atttypmod) end, a.attname), ', ' order by a.attnum)
                        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
                     $4::text) || ';' ||
              format('grant select on %I.%I to public', $1::text, $2::text) as statement
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relname = $2`,
      [schema, name, text, poisons[poison], poison],
    );
    await owner.query(rows[0]?.statement ?? "");
  }
}

/** What the owner of a source may put into functions that we call, or that run when we write. */
export const functionBodies = {
  /** It never comes back. */
  endless: "perform pg_sleep(1000000);",
  /** Notices without end. */
  notices: "loop raise notice '%', repeat('x', 8000); end loop;",
  /** An error with words, details and a hint of 20 MB together, and control characters in them. */
  error: `raise exception using message = E'\\x1b[2J' || repeat('m', 7000000), detail = E'\\u202e' || repeat('d', 7000000),
            hint = E'\\r\\n' || repeat('h', 6000000);`,
  /** It says that it did what it was asked, and does not. */
  nothing: "return null;",
} as const;

export type PoisonedBody = keyof typeof functionBodies;

/** As the owner of a source: gives every function of ours and of pgmq another body, triggers among them. */
export async function poisonFunctions(owner: Pool, kind: PoisonedBody): Promise<number> {
  const { rows } = await owner.query<{ statement: string }>(
    `select format('create or replace function %I.%I(%s) returns %s language plpgsql as %L', n.nspname, p.proname,
                   pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                   case when $1 = 'return null;' and p.proretset then 'begin return; end'
                        when $1 = 'return null;' and (p.proallargtypes is not null or p.prorettype = 'void'::regtype)
                          then 'begin return; end'
                        else 'begin ' || $1 || ' end' end) as statement
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ('public', 'pgmq') and p.prokind = 'f' and p.proname not like '%of_test'
        and not exists (select from pg_depend d
                         where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                           and d.refobjid <> (select e.oid from pg_extension e where e.extname = 'pgmq'))
      order by 1`,
    [functionBodies[kind]],
  );
  let changed = 0;
  for (const { statement } of rows) {
    try {
      await owner.query(statement);
      changed += 1;
    } catch (error) {
      // PL/pgSQL wants other names of parameters than such a function has.
      if ((error as { code?: string }).code !== "42P13") throw error;
    }
  }
  return changed;
}
