import { belongingsOf } from "../../migrate/ownership.ts";
import type { CheckedDatabase } from "../check.ts";
import { ok, runStatement, type Verdict, warning } from "../finding.ts";

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
export async function checkBloat(database: CheckedDatabase): Promise<Verdict[]> {
  const tables = await readTables(database);
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
      runStatement(statement),
    );
  });
}

/** Tables that the planner knows nothing of. */
export async function checkStatistics(database: CheckedDatabase): Promise<Verdict[]> {
  const unknown = (await readTables(database)).filter(
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

async function readTables({ client, plane }: CheckedDatabase): Promise<readonly TableState[]> {
  const { rows } = await client.query<TableState>(
    `select format('%I.%I', s.schemaname, s.relname) as table, s.n_dead_tup::float8 as dead,
            s.n_live_tup::float8 as live, greatest(s.last_vacuum, s.last_autovacuum) as "vacuumedAt",
            coalesce(s.last_analyze, s.last_autoanalyze) is not null as "isAnalyzed",
            coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold')::float8)
              + coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor')::float8)
                * greatest(c.reltuples, 0) as threshold
       from pg_stat_user_tables s
       join pg_class c on c.oid = s.relid
      cross join lateral (
        select max(p.option_value::float8) filter (where p.option_name = 'autovacuum_vacuum_threshold') as threshold,
               max(p.option_value::float8) filter (where p.option_name = 'autovacuum_vacuum_scale_factor') as scale
          from pg_options_to_table(c.reloptions) p
         where p.option_name like 'autovacuum\\_vacuum\\_%'
      ) o
      where s.schemaname = any ($1) or s.schemaname || '.' || s.relname = any ($2)
      order by 1`,
    // Schemas that are ours alone; in public there are applications' tables, too.
    [[plane === "singularity" ? "pgmq" : "central"], belongingsOf(plane).relations],
  );
  return rows;
}
