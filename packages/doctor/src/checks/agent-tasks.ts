import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";
import { offeredExtensions } from "../offered-extensions.ts";

/** How agent_tasks is kept, and whether its latest rows can be summed up. */
export async function checkAgentTasks(database: CheckedDatabase): Promise<CheckResult[]> {
  return [...(await checkHypertable(database)), ...(await findOddTasks(database.client))];
}

/** Among the latest only: looking at all of them would take as long as a refresh. */
async function findOddTasks(client: CheckedDatabase["client"]): Promise<CheckResult[]> {
  const { odd, id } = await readRow<{ odd: number; id: string | null }>(
    client,
    `select count(*)::integer as odd, min(t.id)::text as id
       from (select id, status, duration_ms, created_at from public.agent_tasks order by id desc limit 100000) t
      where t.status = 'completed' and t.duration_ms is not null
        and not (t.duration_ms < 1e300 and isfinite(t.created_at))`,
  );
  if (odd === 0) return [];
  return [
    warning(
      `${odd} of the latest completed tasks, the first with id ${id}, have a duration or a time that measures nothing (NaN, ` +
        "infinite or far too large); agent_performance_5min leaves them out",
      "repair what writes them, and the rows: update public.agent_tasks set duration_ms = null where duration_ms >= 1e300",
    ),
  ];
}

/** As a hypertable of timescaledb where there is one. */
async function checkHypertable(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client } = database;
  const version = (await database.extensions()).get("timescaledb")?.version;
  if (version === undefined) {
    const isOffered = (await offeredExtensions(database)).has("timescaledb");
    const why = isOffered
      ? "the server offers timescaledb, but has not loaded it"
      : "no timescaledb";
    return [ok(`agent_tasks is a plain table, which works the same (${why})`)];
  }
  const { found } = await readRow<{ found: boolean }>(
    client,
    `select exists (select from timescaledb_information.hypertables h
                     where h.hypertable_schema = 'public' and h.hypertable_name = 'agent_tasks') as found`,
  );
  if (found) return [ok(`agent_tasks is a hypertable of timescaledb ${version}`)];
  return [
    warning(
      `timescaledb ${version} is installed, but agent_tasks is a plain table`,
      "select public.create_hypertable('public.agent_tasks', 'created_at', migrate_data => true)",
    ),
  ];
}
