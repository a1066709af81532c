import { type Blocker, blockersOf, describeBlockers } from "@centralcloud/postgres";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

/** How long a lock may be waited for, in seconds: what is normal takes milliseconds. */
const longestWaitS = 2;

interface Waiting {
  readonly pid: number;
  readonly application: string;
  readonly login: string | null;
  readonly waitedS: number;
  readonly table: string | null;
  readonly blockers: readonly Blocker[];
}

/** Sessions that wait for a lock, and for whom. Everybody may see that, but not what they run. */
export async function checkLocks({
  client,
  server,
  databaseName,
}: CheckedDatabase): Promise<CheckResult[]> {
  const nobody = ok(`nobody waits for a lock for ${longestWaitS} s`);
  const waiting = await server.query<{ database: string }>(
    client,
    `select distinct a.datname as database
       from pg_locks l
       join pg_stat_activity a on a.pid = l.pid
      where not l.granted and l.waitstart <= clock_timestamp() - make_interval(secs => ${longestWaitS})`,
  );
  if (!waiting.some(({ database }) => database === databaseName)) return [nobody];
  const { rows } = await client.query<Waiting>(
    `select l.pid, a.application_name as application, a.usename as login,
            floor(extract(epoch from clock_timestamp() - min(l.waitstart)))::integer as "waitedS",
            min(l.relation::regclass::text) as table, ${blockersOf("l.pid")} as blockers
       from pg_locks l
       join pg_stat_activity a on a.pid = l.pid
      where not l.granted and a.datname = current_database()
        and l.waitstart <= clock_timestamp() - make_interval(secs => $1)
      group by l.pid, a.application_name, a.usename
      order by 4 desc
      limit 10`,
    [longestWaitS],
  );
  if (rows.length === 0) return [nobody];
  return rows.map(({ pid, application, login, waitedS, table, blockers }) => {
    const who = `process ${pid} (${application}, login ${login})`;
    const lock = table === null ? "a lock" : `a lock on ${table}`;
    const pids = blockers.filter((blocker) => blocker.pid > 0).map((blocker) => blocker.pid);
    const end = pids.map((blocker) => `select pg_terminate_backend(${blocker})`).join("; ");
    return warning(
      `${who} has waited ${waitedS} s for ${lock}: it waits for ${describeBlockers(blockers)}`,
      `let it end; or, if nobody misses it: ${end || "see pg_prepared_xacts"}`,
    );
  });
}
