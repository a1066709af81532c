import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";

/** Whose transaction has to end before a process can continue. */
export interface Blocker {
  /** 0: a prepared transaction, which no process holds. */
  readonly pid: number;
  readonly login: string | null;
  readonly application: string | null;
  /** How long its transaction has been open, in seconds; null where this role may not see it. */
  readonly seconds: number | null;
}

type Asked = Pick<pg.ClientBase, "query">;

/**
 * An expression of SQL: whom a process of the server waits for, as JSON. Never what they run, which may hold contents.
 *
 * @param pid an expression, too.
 */
export function blockersOf(pid: string): string {
  return `coalesce((
            select jsonb_agg(jsonb_build_object(
                     'pid', b.pid, 'login', a.usename, 'application', nullif(a.application_name, ''),
                     'seconds', floor(extract(epoch from clock_timestamp() - a.xact_start))) order by b.pid)
              from (select distinct pid from unnest(pg_blocking_pids(${pid})) as u (pid)) b
              left join pg_stat_activity a on a.pid = b.pid), '[]')`;
}

/** Whom a process of the server waits for. */
export async function findBlockers(database: Asked, pid: number): Promise<readonly Blocker[]> {
  const { rows } = await database.query<{ blockers: readonly Blocker[] }>(
    `select ${blockersOf("$1")} as blockers`,
    [pid],
  );
  return rows[0]?.blockers ?? [];
}

/** Whom a process waits for, in words. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return "transactions that are open to end";
  const each = blockers.map(({ pid, login, application, seconds }) => {
    if (pid === 0) return "a prepared transaction (see pg_prepared_xacts)";
    const details = [
      ...(application === null ? [] : [application]),
      ...(login === null ? [] : [`login ${login}`]),
      ...(seconds === null ? [] : [`open for ${seconds} s`]),
    ];
    return `process ${pid}${details.length > 0 ? ` (${details.join(", ")})` : ""}`;
  });
  return `the transaction of ${each.join(" and of ")} to end`;
}

/** How often it is asked whom a process waits for. */
const askEveryMs = 1_000;

export interface WaitWatch {
  /** The process that may wait. */
  readonly pid: number;
  /** Asks by another connection. What can't be asked now is asked again. */
  readonly ask: (pid: number) => Promise<readonly Blocker[]>;
  /** Told when those whom it waits for change. */
  readonly tell: (blockers: readonly Blocker[]) => void;
}

/** Tells whom the server waits for while it works on a connection: it may be for long. */
export async function whileWatched<Result>(
  { pid, ask, tell }: WaitWatch,
  work: Promise<Result>,
): Promise<Result> {
  const done = new AbortController();
  async function watch(): Promise<void> {
    let told = "";
    while (!done.signal.aborted) {
      await delay(askEveryMs, undefined, { signal: done.signal }).catch(() => {});
      if (done.signal.aborted) return;
      const blockers = await ask(pid).catch(() => []);
      const pids = blockers.map((blocker) => blocker.pid).join(" ");
      if (blockers.length === 0 || pids === told || done.signal.aborted) continue;
      tell(blockers);
      told = pids;
    }
  }
  const watching = watch();
  try {
    return await work;
  } finally {
    done.abort();
    await watching;
  }
}
