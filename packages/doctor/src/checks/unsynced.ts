import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

/** At most a thousand are counted of each. */
interface Failures {
  readonly patterns: number;
  readonly sessions: number;
  readonly agents: number;
  readonly reason: string | null;
}

/** What could not be queued: it waits in its table, with the reason, for the next sync run. */
export async function checkUnsynced({ client }: CheckedDatabase): Promise<CheckResult[]> {
  const { patterns, sessions, agents, reason } = await readRow<Failures>(
    client,
    `with pattern as (
       select l.sync_error from public.learned_patterns l
        where l.synced_at is null and l.sync_error is not null limit 1000
     ), session as (
       select s.sync_error from public.agent_sessions s
        where s.unsynced and s.sync_error is not null limit 1000
     ), agent as (
       select a.knowledge_error from public.agents a
        where a.knowledge_unsynced and a.knowledge_error is not null limit 1000
     )
     select (select count(*)::integer from pattern) as patterns, (select count(*)::integer from session) as sessions,
            (select count(*)::integer from agent) as agents,
            (select u.sync_error from (table pattern union all table session union all table agent) u limit 1) as reason`,
  );
  if (patterns + sessions + agents === 0) return [ok("nothing failed to be queued")];
  return [
    warning(
      `could not be queued: patterns ${patterns}, sessions ${sessions}, agents ${agents}; one of them because ${(reason ?? "").replaceAll(/"[^"]*"/g, "…")}`,
      "repair that; the next run of sync-learning-every-10min queues them " +
        "(now: centralcloud jobs run sync-learning-every-10min)",
    ),
  ];
}
