import { classifyFault, type Fault } from "@centralcloud/postgres";
import { definePart, type Part, pause } from "@centralcloud/service";
import type pg from "pg";
import type { IdleWatch } from "../lane/idle-watch.ts";
import {
  createListeningConnection,
  type ListeningConnectionOptions,
} from "./listening-connection.ts";
import type { Queryable } from "./queryable.ts";
import { lookStatement, type QueueState, tableOf, unlockStatement } from "./queue-looks.ts";

/** The channel that `notify_idle_consumers` on the source uses, too. */
const channel = "centralcloud";

/** How often sleeping queues are looked at, all in one statement, in milliseconds. */
const everyMs = {
  /** Where a notification tells of the next message: in case that one is lost. It also tries the connection. */
  notified: 10_000,
  /** Where nothing tells of it. */
  unnotified: 2_000,
  /** While a sender that was asked too late to notify may still commit. */
  sendersBusy: 500,
} as const;

/**
 * Notifications wake a lane as soon as they come, so many times in a row; then so many times a second. Others are
 * as good as one: who is woken reads all there is.
 */
const wakes = { inRow: 20, perSecond: 10 };

export type SourceWatchOptions = ListeningConnectionOptions;

/**
 * The one connection that a quiet source has: it is notified of new messages, and looks at all queues whose lanes
 * sleep in one statement now and then. It is restored whenever it is lost; the pool is asked meanwhile.
 *
 * An advisory lock a queue tells senders that somebody is idle (see `notify_idle_consumers`). One consumer holds it
 * for all; all hear the notifications.
 */
export interface SourceWatch extends Part, IdleWatch, Queryable {
  /** Whether notifications come. */
  readonly listening: boolean;
  /** What keeps the source's database from working, if anything does. */
  readonly fault: Fault | undefined;
  /**
   * Has the connection for itself, for statements that belong together; undefined where there is none.
   *
   * @param ms after so many milliseconds the connection is cut, and the work fails.
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
  /** Queues whose lock our session holds. */
  const held = new Set<string>();
  /** Queues that a sender keeps us from locking. */
  const busy = new Set<string>();
  let notifies = true;
  let loops: Promise<unknown> | undefined;
  let nap = new AbortController();
  let napEndsAt = Number.POSITIVE_INFINITY;
  /** Whether to look at once. */
  let isDue = false;
  const connection = createListeningConnection(options, {
    channel,
    onNotification: heard,
    // Sleeping queues are locked anew, or no longer.
    onChange: lookNow,
    endSession() {
      const tables = [...held].map(tableOf);
      held.clear();
      busy.clear();
      // Others who are idle must take over the locks that go with our session.
      const text = `select pg_advisory_unlock_all(), (select count(pg_notify('${channel}', t)) from unnest($1::text[]) t)`;
      return tables.length === 0 ? undefined : { text, values: [tables] };
    },
  });

  /** Tries to lock those of the queues that are not ours yet, and looks at all of them. */
  async function look(queues: readonly string[]): Promise<readonly QueueState[]> {
    const asked = connection.session;
    const states = (
      await connection.query<QueueState & pg.QueryResultRow>(lookStatement(queues, mayLock))
    ).rows;
    if (connection.session !== asked) return states;
    for (const { queue, lock, ...state } of states) {
      notifies = state.notifies;
      if (lock === "senders") busy.add(queue);
      else busy.delete(queue);
      if (lock === "ours") held.add(queue);
    }
    const fresh = states.filter(({ lock }) => lock === "ours").map(({ queue }) => queue);
    if (fresh.length === 0) return states;
    // What was sent before a lock was ours was not told: this sees it.
    const again = (
      await connection.query<QueueState & pg.QueryResultRow>(lookStatement(fresh, () => false))
    ).rows;
    return [...states.filter(({ queue }) => !fresh.includes(queue)), ...again];
  }

  function mayLock(queue: string): boolean {
    return connection.session !== undefined && notifies && !held.has(queue);
  }

  function pollMs(): number {
    if (connection.session === undefined || !notifies) return everyMs.unnotified;
    return busy.size > 0 ? everyMs.sendersBusy : everyMs.notified * (0.9 + Math.random() / 10);
  }

  /** Looks at sleeping queues until it is stopped; a database that does not work is left to its breaker. */
  async function keepLooking(): Promise<void> {
    while (!signal.aborted) {
      nap = new AbortController();
      const napMs = isDue ? 0 : Math.min(pollMs(), nextVisibleInMs());
      napEndsAt = performance.now() + napMs;
      await pause(napMs, AbortSignal.any([nap.signal, signal]));
      isDue = false;
      if (!(await breaker.admit(signal))) return;
      const queues = [...sleeping];
      try {
        if (queues.length > 0) rouse(await look(queues));
        else if (connection.session !== undefined) await connection.query("select");
        else continue;
        breaker.succeeded();
      } catch (error) {
        if (signal.aborted) return;
        // Each lane meets for itself what is not the database's.
        if (classifyFault(error).scope === "database") breaker.failed(error);
        else for (const queue of queues) wake(queue);
        await pause(everyMs.sendersBusy, signal);
      }
    }
  }

  function lookNow(): void {
    isDue = true;
    nap.abort();
  }

  /** When the next message of a sleeping queue becomes visible, by the monotonic clock. */
  const visibleAt = new Map<string, number>();

  function nextVisibleInMs(): number {
    const times = [...sleeping].map((queue) => visibleAt.get(queue) ?? Number.POSITIVE_INFINITY);
    return Math.min(...times, Number.POSITIVE_INFINITY) - performance.now();
  }

  function rouse(states: readonly QueueState[]): void {
    for (const { queue, ms } of states) {
      if (ms !== null && ms <= 0) wake(queue);
      else note(queue, ms);
    }
  }

  function note(queue: string, ms: number | null): void {
    if (ms === null) visibleAt.delete(queue);
    else visibleAt.set(queue, performance.now() + Math.ceil(ms));
  }

  function wake(queue: string): void {
    sleeping.delete(queue);
    for (const wakeOne of wakers.get(queue) ?? []) wakeOne();
  }

  /** By queue: how often it may be woken at once, and when that was known; and what wakes it later. */
  const budgets = new Map<string, { left: number; atMs: number; later?: NodeJS.Timeout }>();

  function heard(table: string | undefined): void {
    for (const queue of wakers.keys()) if (tableOf(queue) === table) wakeInTurn(queue);
  }

  function wakeInTurn(queue: string): void {
    const now = performance.now();
    const budget = budgets.get(queue) ?? { left: wakes.inRow, atMs: now };
    budgets.set(queue, budget);
    if (budget.later !== undefined) return;
    const gained = ((now - budget.atMs) / 1_000) * wakes.perSecond;
    budget.left = Math.min(wakes.inRow, budget.left + gained);
    budget.atMs = now;
    if (budget.left >= 1) {
      budget.left -= 1;
      wake(queue);
      return;
    }
    budget.later = setTimeout(() => {
      delete budget.later;
      wakeInTurn(queue);
    }, 1_000 / wakes.perSecond);
  }

  const part = definePart({
    name: "source watch",
    async start() {
      loops = Promise.all([connection.keep(signal), keepLooking()]);
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
        const [state] = await look([queue]);
        if (state?.ms !== undefined && state.ms !== null && state.ms <= 0) {
          sleeping.delete(queue);
          return "message";
        }
        note(queue, state?.ms ?? null);
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
      if (!held.delete(queue)) return;
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
