import { classifyFault, type Fault } from "@centralcloud/postgres";
import { nextVisibleInMs, type Queryable } from "@centralcloud/queue";
import { definePart, type Part, pause } from "@centralcloud/service";
import type pg from "pg";
import {
  createListeningConnection,
  type ListeningConnectionOptions,
} from "./listening-connection.ts";
import { watching } from "./tuning.ts";
import type { IdleWatch } from "./waiter.ts";

/** The channel that `notify_idle_consumers` on the source uses, too. */
const channel = "centralcloud";

export type SourceWatchOptions = ListeningConnectionOptions;

/**
 * The one connection that a quiet source has. It is notified of new messages, and it probes all queues whose lanes
 * sleep in one statement every few seconds. It is restored whenever it is lost; the pool is asked meanwhile.
 *
 * An advisory lock per queue tells senders that a consumer is idle (see `notify_idle_consumers`). One consumer has the
 * lock on behalf of all; all of them hear the notifications.
 */
export interface SourceWatch extends Part, IdleWatch, Queryable {
  /** Whether notifications come. */
  readonly listening: boolean;
  /** The fault of the source's database, if there is one. */
  readonly fault: Fault | undefined;
  /**
   * Runs several statements on the connection, with no other statement between them; undefined where there is no
   * connection.
   *
   * @param ms milliseconds after which the connection is cut, and the work fails.
   */
  alone<Result>(
    work: (client: pg.ClientBase) => Promise<Result>,
    ms: number,
  ): Promise<Result> | undefined;
}

export function createSourceWatch(options: SourceWatchOptions): SourceWatch {
  const { breaker } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const wakers = new Map<string, Set<() => void>>();
  /** Queues whose lanes sleep until they are woken. */
  const sleeping = new Set<string>();
  /** Queues whose advisory lock this session has. */
  const locked = new Set<string>();
  /** Queues that could not be locked because a sender has not committed yet. */
  const busy = new Set<string>();
  let notifies = true;
  let loops: Promise<unknown> | undefined;
  let nap = new AbortController();
  let napEndsAt = Number.POSITIVE_INFINITY;
  /** Whether a probe is due at once. */
  let isDue = false;
  const connection = createListeningConnection(options, {
    channel,
    onNotification: heard,
    // The new session must lock the sleeping queues again; without a session, probes are more frequent.
    onChange: probeNow,
    endSession() {
      const tables = [...locked].map(tableOf);
      locked.clear();
      busy.clear();
      // Other idle consumers must take the locks, which end with this session.
      const text = `select pg_advisory_unlock_all(), (select count(pg_notify('${channel}', t)) from unnest($1::text[]) t)`;
      return tables.length === 0 ? undefined : { text, values: [tables] };
    },
  });

  /** Probes queues, and tries to lock those that are not locked yet. */
  async function probe(queues: readonly string[]): Promise<readonly QueueState[]> {
    const asked = connection.session;
    const states = (
      await connection.query<QueueState & pg.QueryResultRow>(probeStatement(queues, mayLock))
    ).rows;
    if (connection.session !== asked) return states;
    for (const { queue, lock, ...state } of states) {
      notifies = state.notifies;
      if (lock === "senders") busy.add(queue);
      else busy.delete(queue);
      if (lock === "locked") locked.add(queue);
    }
    const fresh = states.filter(({ lock }) => lock === "locked").map(({ queue }) => queue);
    if (fresh.length === 0) return states;
    // Messages that were sent before the lock was taken were not announced; a second probe sees them.
    const again = (
      await connection.query<QueueState & pg.QueryResultRow>(probeStatement(fresh, () => false))
    ).rows;
    return [...states.filter(({ queue }) => !fresh.includes(queue)), ...again];
  }

  function mayLock(queue: string): boolean {
    return connection.session !== undefined && notifies && !locked.has(queue);
  }

  function pollMs(): number {
    if (connection.session === undefined || !notifies) return watching.unnotifiedMs;
    return busy.size > 0
      ? watching.sendersBusyMs
      : watching.notifiedMs * (0.9 + Math.random() / 10);
  }

  /** Probes the sleeping queues until it is stopped; while the database does not work, its breaker waits. */
  async function keepProbing(): Promise<void> {
    while (!signal.aborted) {
      nap = new AbortController();
      const napMs = isDue ? 0 : Math.min(pollMs(), msUntilVisible());
      napEndsAt = performance.now() + napMs;
      await pause(napMs, AbortSignal.any([nap.signal, signal]));
      isDue = false;
      if (!(await breaker.admit(signal))) return;
      const queues = [...sleeping];
      try {
        if (queues.length > 0) wakeReady(await probe(queues));
        else if (connection.session !== undefined) await connection.query("select");
        else continue;
        breaker.succeeded();
      } catch (error) {
        if (signal.aborted) return;
        // A fault that is not the database's: each lane reads, and meets it or not.
        if (classifyFault(error).scope === "database") breaker.failed(error);
        else for (const queue of queues) wake(queue);
        await pause(watching.sendersBusyMs, signal);
      }
    }
  }

  function probeNow(): void {
    isDue = true;
    nap.abort();
  }

  /** When the next message of a sleeping queue becomes visible, by the monotonic clock. */
  const visibleAt = new Map<string, number>();

  function msUntilVisible(): number {
    const times = [...sleeping].map((queue) => visibleAt.get(queue) ?? Number.POSITIVE_INFINITY);
    return Math.min(...times, Number.POSITIVE_INFINITY) - performance.now();
  }

  function wakeReady(states: readonly QueueState[]): void {
    for (const { queue, ms } of states) {
      if (ms !== null && ms <= 0) wake(queue);
      else noteVisible(queue, ms);
    }
  }

  function noteVisible(queue: string, ms: number | null): void {
    if (ms === null) visibleAt.delete(queue);
    else visibleAt.set(queue, performance.now() + Math.ceil(ms));
  }

  function wake(queue: string): void {
    sleeping.delete(queue);
    for (const wakeOne of wakers.get(queue) ?? []) wakeOne();
  }

  /**
   * By queue: how many wake-ups are left at `atMs`, and the timer of one that was put off. Wake-ups that follow a
   * pending one are dropped: a lane that is woken reads all there is.
   */
  const budgets = new Map<string, { left: number; atMs: number; later?: NodeJS.Timeout }>();

  function heard(table: string | undefined): void {
    for (const queue of wakers.keys()) if (tableOf(queue) === table) wakeLimited(queue);
  }

  function wakeLimited(queue: string): void {
    const now = performance.now();
    const budget = budgets.get(queue) ?? { left: watching.wakesInRow, atMs: now };
    budgets.set(queue, budget);
    if (budget.later !== undefined) return;
    const gained = ((now - budget.atMs) / 1_000) * watching.wakesPerSecond;
    budget.left = Math.min(watching.wakesInRow, budget.left + gained);
    budget.atMs = now;
    if (budget.left >= 1) {
      budget.left -= 1;
      wake(queue);
      return;
    }
    budget.later = setTimeout(() => {
      delete budget.later;
      wakeLimited(queue);
    }, 1_000 / watching.wakesPerSecond);
  }

  const part = definePart({
    name: "source watch",
    async start() {
      loops = Promise.all([connection.keep(signal), keepProbing()]);
    },
    async stop() {
      stopping.abort();
      for (const { later } of budgets.values()) clearTimeout(later);
      await loops;
    },
  });

  return {
    ...part,
    get fault() {
      return connection.fault;
    },
    get listening() {
      return connection.session !== undefined;
    },
    query: connection.query,
    alone: connection.alone,
    async sleep(queue) {
      sleeping.add(queue);
      try {
        const [state] = await probe([queue]);
        if (state?.ms !== undefined && state.ms !== null && state.ms <= 0) {
          sleeping.delete(queue);
          return "message";
        }
        noteVisible(queue, state?.ms ?? null);
      } catch (error) {
        sleeping.delete(queue);
        throw error;
      }
      const isSooner = (visibleAt.get(queue) ?? Number.POSITIVE_INFINITY) < napEndsAt;
      if (isSooner || napEndsAt - performance.now() > pollMs()) nap.abort();
      return "asleep";
    },
    unwatch(queue) {
      sleeping.delete(queue);
      visibleAt.delete(queue);
      if (!locked.delete(queue)) return;
      connection.query(unlockStatement(queue)).catch(() => {});
    },
    onMessage(queue, wakeOne) {
      const wakersOfQueue = wakers.get(queue) ?? new Set();
      wakers.set(queue, wakersOfQueue.add(wakeOne));
      return () => {
        wakersOfQueue.delete(wakeOne);
        sleeping.delete(queue);
      };
    },
  };
}

/** The lock that `notify_idle_consumers` on the source uses, too. */
const lockKey = (table: string) => `hashtextextended('centralcloud idle ${table}', 0)`;

/** The result of probing one queue. */
interface QueueState {
  readonly queue: string;
  /** Milliseconds until the next message is visible: 0 or less when one is, null when none will be. */
  readonly ms: number | null;
  /** The result of the attempt to lock, where there was one: `senders`, `others` have the lock. */
  readonly lock: "locked" | "senders" | "others" | null;
  /** Whether the server lets senders notify at all. */
  readonly notifies: boolean;
}

/**
 * One row per queue. Where a lock is tried, a message that was sent since the statement began may be missed: after a
 * lock was taken, the queue is probed once more.
 */
function probeStatement(queues: readonly string[], mayLock: (queue: string) => boolean): string {
  const rows = queues.map((queue) => {
    const key = lockKey(tableOf(queue));
    const lock = `case when pg_try_advisory_lock(${key}) then 'locked'
                       when pg_try_advisory_lock_shared(${key}) and pg_advisory_unlock_shared(${key}) then 'senders'
                       else 'others' end`;
    return `select '${queue.replaceAll("'", "''")}' as queue,
                   ${nextVisibleInMs(queue)} as ms,
                   ${mayLock(queue) ? lock : "null"} as lock,
                   current_setting('max_prepared_transactions') = '0' as notifies`;
  });
  return rows.join("\nunion all\n");
}

/** Releases a queue's advisory lock. */
function unlockStatement(queue: string): string {
  return `select pg_advisory_unlock(${lockKey(tableOf(queue))})`;
}

/** The name of a queue's table, unquoted: what a notification says. */
function tableOf(queue: string): string {
  return `q_${queue}`.toLowerCase();
}
