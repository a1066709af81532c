import { type CheckedDatabase, readRow } from "../check.ts";
import { ok, type Verdict, warning } from "../finding.ts";

/** How agent_tasks is kept: as a hypertable of timescaledb where there is one. */
export async function checkAgentTasks({ client }: CheckedDatabase): Promise<Verdict[]> {
  const { version, offered } = await readRow<{ version: string | null; offered: boolean }>(
    client,
    `select (select e.extversion from pg_extension e where e.extname = 'timescaledb') as version,
            exists (select from pg_available_extensions a where a.name = 'timescaledb') as offered`,
  );
  if (version === null) {
    const why = offered ? "the server offers timescaledb, but has not loaded it" : "no timescaledb";
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
