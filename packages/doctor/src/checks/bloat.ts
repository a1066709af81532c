import { belongingsOf } from "@centralcloud/db";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, type Fix, ok, runStatement, warning } from "../finding.ts";

interface TableState {
  /** Quoted and qualified. */
  readonly table: string;
  readonly dead: number;
  readonly live: number;
  /** Dead rows from which on autovacuum should have come. */
  readonly threshold: number;
  readonly vacuumedAt: Date | null;
  readonly isAnalyzed: boolean;
}

/** So many times as many as autovacuum waits for, and it does not keep up. */
const lag = 2;

/** Dead rows that vacuum has not removed, in queues, archives and the tables of both sides. */
export async function checkBloat(database: CheckedDatabase): Promise<CheckResult[]> {
  const tables = await tablesOf(database);
  const { rows: limit } = database.limits;
  const bloated = tables.filter(({ dead, threshold }) => dead > limit && dead > lag * threshold);
  if (bloated.length === 0) {
    const dead = tables.reduce((sum, table) => sum + table.dead, 0);
    return [ok(`${dead} dead rows in ${tables.length} tables, no more than vacuum may leave`)];
  }
  return bloated.map(({ table, dead, live, vacuumedAt }) => {
    const last = vacuumedAt === null ? "never vacuumed" : `vacuumed at ${vacuumedAt.toISOString()}`;
    const statement = `vacuum (analyze) ${table}`;
    return warning(
      `${table} has ${dead} dead rows beside ${live} live ones: autovacuum lags (${last})`,
      `${statement}; where that leaves them, the checks snapshots and capture-slot say who needs them`,
      vacuumTable(statement, table, database),
    );
  });
}

/** Fails where vacuum had to leave rows that somebody may still see, and says who that is. */
function vacuumTable(statement: string, table: string, { limits }: CheckedDatabase): Fix {
  return {
    what: statement,
    async run(client) {
      await client.query(statement);
      const { rows } = await client.query<{ dead: number; holder: string | null }>(
        `select pg_stat_get_dead_tuples($1::regclass)::float8 as dead, (
           select h.holder from (
             select age(a.backend_xmin) as age,
                    format('process %s (%s) may still see them, whose transaction has been open since %s', a.pid,
                           concat_ws(' of ', nullif(a.application_name, ''), a.usename),
                           coalesce(a.xact_start::text, 'an unknown time')) as holder
               from pg_stat_activity a
              where a.backend_xmin is not null and a.pid <> pg_backend_pid()
                and a.datname = current_database() and a.backend_type = 'client backend'
             union all
             select age(p.transaction), format('the prepared transaction %L of %s may still see them', p.gid, p.owner)
               from pg_prepared_xacts p where p.database = current_database()
             union all
             select age(r.xmin), format('the slot %s may still need them', r.slot_name)
               from pg_replication_slots r where r.xmin is not null
           ) h order by h.age desc limit 1) as holder`,
        [table],
      );
      const { dead = 0, holder = null } = rows[0] ?? {};
      if (dead <= limits.rows) return;
      throw new Error(`${dead} dead rows are left: ${holder ?? "somebody may still see them"}`);
    },
  };
}

/** Tables that the planner knows nothing of. */
export async function checkStatistics(database: CheckedDatabase): Promise<CheckResult[]> {
  const unknown = (await tablesOf(database)).filter(
    ({ isAnalyzed, live }) => !isAnalyzed && live >= database.limits.rows,
  );
  if (unknown.length === 0) return [ok("every large table has been analyzed")];
  return unknown.map(({ table, live }) => {
    const statement = `analyze ${table}`;
    return warning(
      `${table} has ${live} rows and was never analyzed`,
      statement,
      runStatement(statement),
    );
  });
}

/** By database: two checks look at the same. */
const tablesRead = new WeakMap<CheckedDatabase, Promise<readonly TableState[]>>();

function tablesOf(database: CheckedDatabase): Promise<readonly TableState[]> {
  const known = tablesRead.get(database) ?? readTables(database);
  tablesRead.set(database, known);
  return known;
}

async function readTables({ client, side }: CheckedDatabase): Promise<readonly TableState[]> {
  const { relations } = belongingsOf(side);
  const { rows } = await client.query<TableState>(
    // By the functions beneath pg_stat_user_tables: that view also looks at every index of the database.
    `select format('%I.%I', n.nspname, c.relname) as table, pg_stat_get_dead_tuples(c.oid)::float8 as dead,
            pg_stat_get_live_tuples(c.oid)::float8 as live,
            greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) as "vacuumedAt",
            coalesce(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) is not null
              as "isAnalyzed",
            coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold')::float8)
              + coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor')::float8)
                * greatest(c.reltuples, 0) as threshold
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
      cross join lateral (
        select max(p.option_value::float8) filter (where p.option_name = 'autovacuum_vacuum_threshold') as threshold,
               max(p.option_value::float8) filter (where p.option_name = 'autovacuum_vacuum_scale_factor') as scale
          from pg_options_to_table(c.reloptions) p
         where p.option_name like 'autovacuum\\_vacuum\\_%'
      ) o
      where c.relkind in ('r', 'm', 'p')
        and (n.nspname = $1 or n.nspname = any ($2) and n.nspname || '.' || c.relname = any ($3))
      order by 1`,
    // Schemas that are ours alone; in public there are applications' tables, too.
    [
      side === "source" ? "pgmq" : "central",
      [...new Set(relations.map((name) => name.split(".")[0]))],
      relations,
    ],
  );
  return rows;
}
