import type { Pool } from "pg";
import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";

const system = useSystem();

/** Functions of ours: those of an extension are its own affair. */
const ours = `
  select p.oid, p.oid::regprocedure::text as name, l.lanname as language, p.prorettype as result
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang
   where n.nspname in ('public', 'central')
     and not exists (select from pg_depend d
                      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')`;

/** What plpgsql_check finds, one line each; a trigger's function is checked on each of its tables. */
async function checkPlpgsql(database: Pool): Promise<string[]> {
  await database.query("create extension if not exists plpgsql_check");
  const { rows } = await database.query<{ line: string }>(`
    with ours as (${ours}), used as (
      select o.oid, o.name, coalesce(t.tgrelid, 0)::regclass as relation, t.tgoldtable, t.tgnewtable
        from ours o left join pg_trigger t on t.tgfoid = o.oid and not t.tgisinternal
       where o.language = 'plpgsql' and (o.result <> 'trigger'::regtype or t.oid is not null)
    )
    select format('%s%s line %s: %s: %s', u.name, ' on ' || nullif(u.relation, 0)::regclass,
                  f.lineno, f.level, concat_ws('; ', f.message, f.detail, f.hint)) as line
      from used u, plpgsql_check_function_tb(
             u.oid, u.relation, fatal_errors => false, security_warnings => true,
             oldtable => u.tgoldtable, newtable => u.tgnewtable) f
     order by u.name, f.lineno`);
  return rows.map((row) => row.line);
}

/** The same for functions in plain SQL, which migrating creates before what they use is there. */
async function checkSql(database: Pool): Promise<string[]> {
  const { rows } = await database.query<{ oid: number; name: string }>(
    `select oid, name from (${ours}) as ours where language = 'sql' order by name`,
  );
  const findings: string[] = [];
  for (const { oid, name } of rows) {
    await database
      .query("select fmgr_sql_validator($1)", [oid])
      .catch((error: Error) => findings.push(`${name}: ${error.message}`));
  }
  return findings;
}

test.each(["singularity", "central"] as const)(
  "every function of %s names only what is there, with the types that are there",
  async (side) => {
    const { pool } = system[side];
    const { rows } = await pool.query(`select from (${ours}) as ours`);
    expect(rows.length, "functions to check").toBeGreaterThan(0);
    expect([...(await checkPlpgsql(pool)), ...(await checkSql(pool))]).toEqual([]);
  },
);

test("what is wrong is found, with function, line and message", async () => {
  const { pool } = system.central;
  const client = await pool.connect();
  try {
    await client.query("set check_function_bodies = off");
    await client.query(`
      create table watched (x integer);
      create function of_a_trigger() returns trigger language plpgsql as $$
      begin
        new.y := 1;
        return new;
      end $$;
      create trigger watch before insert on watched for each row execute function of_a_trigger();
      create function in_sql() returns bigint language sql as 'select count(*) from nothing_there'`);
    expect(await checkPlpgsql(pool)).toEqual([
      'of_a_trigger() on watched line 3: error: record "new" has no field "y"',
    ]);
    expect(await checkSql(pool)).toEqual(['in_sql(): relation "nothing_there" does not exist']);
  } finally {
    await client.query("drop table watched; drop function of_a_trigger, in_sql");
    client.release(true);
  }
});
