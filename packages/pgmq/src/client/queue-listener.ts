import { definePart, type Observe, type Part, pause } from "@centralcloud/service";
import PQueue from "p-queue";
import type pg from "pg";
import type { IdleWatch } from "../lane/idle-watch.ts";

/** The channel and lock that `notify_idle_consumers` on the source uses, too. */
const channel = "centralcloud";
const lockKey = "hashtextextended('centralcloud idle ' || $1, 0)";

const reconnect = { firstMs: 100, lastMs: 5_000 };

/** How often the connection is tried, so that one that broke without a word is noticed. */
const tryEveryMs = 20_000;
const answerMs = 5_000;
const goodbyeMs = 1_000;

export interface QueueListenerOptions {
  /** The source's name, for observations. */
  readonly source: string;
  readonly sourceId?: string;
  /** A new connection that is not connected yet: its session must be ours alone, not a pooler's. */
  readonly createClient: () => pg.Client;
  readonly observe: Observe;
}

/**
 * Listens for new messages of one source's queues, on a connection of its own that is restored
 * whenever it is lost; lanes poll meanwhile.
 *
 * An advisory lock a queue tells senders that somebody is idle (see `notify_idle_consumers`). One
 * listener holds it for all; all hear the notifications.
 */
export interface QueueListener extends Part, IdleWatch {
  readonly connected: boolean;
}

export function createQueueListener(options: QueueListenerOptions): QueueListener {
  const { source, sourceId, createClient, observe } = options;
  const identity = { source, ...(sourceId === undefined ? {} : { sourceId }) };
  const stopping = new AbortController();
  const wakers = new Map<string, Set<() => void>>();
  /** The tables of the queues whose lock our session holds. */
  const held = new Set<string>();
  /** The connection that works, and the latest one that was tried. */
  let client: pg.Client | undefined;
  let current: pg.Client | undefined;
  let loop: Promise<void> | undefined;
  /** Lanes share the connection, and the driver wants one query at a time. */
  const turns = new PQueue({ concurrency: 1 });

  function ask<Row extends pg.QueryResultRow>(asked: pg.Client, query: pg.QueryConfig) {
    return turns.add(() => asked.query<Row>(query));
  }

  async function run(): Promise<void> {
    let waitMs = reconnect.firstMs;
    let lostAt: number | undefined;
    while (!stopping.signal.aborted) {
      const fresh = createClient();
      current = fresh;
      const lost = new AbortController();
      fresh.on("error", () => lost.abort());
      fresh.on("end", () => lost.abort());
      fresh.on("notification", ({ payload }) => wake(payload));
      try {
        await fresh.connect();
        await ask(fresh, bounded(`listen ${channel}`, answerMs));
        client = fresh;
        waitMs = reconnect.firstMs;
        if (lostAt !== undefined) {
          const downMs = performance.now() - lostAt;
          observe({ event: "listener-restored", ...identity, downMs });
        }
        lostAt = undefined;
        await keepTrying(fresh, AbortSignal.any([lost.signal, stopping.signal]));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (lostAt === undefined && !stopping.signal.aborted) {
          observe({ event: "listener-lost", ...identity, error: message });
        }
        lostAt ??= performance.now();
      }
      client = undefined;
      await sayGoodbye(fresh, lost.signal.aborted);
      // They waited for notifications that won't come.
      wake();
      await pause(waitMs * (0.5 + Math.random() / 2), stopping.signal);
      waitMs = Math.min(reconnect.lastMs, waitMs * 2);
    }
  }

  /** @throws when the connection is lost; returns when stopping. */
  async function keepTrying(fresh: pg.Client, ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      await pause(tryEveryMs, ended);
      if (!ended.aborted) await ask(fresh, bounded("select", answerMs));
    }
    if (!stopping.signal.aborted) throw new Error("the listening connection was lost");
  }

  /** Others who are idle must take over the locks that go with our session. */
  async function sayGoodbye(fresh: pg.Client, isLost: boolean): Promise<void> {
    const tables = [...held];
    held.clear();
    try {
      if (!isLost && tables.length > 0) {
        const text = `select pg_advisory_unlock_all(), (select count(pg_notify('${channel}', t)) from unnest($1::text[]) t)`;
        await ask(fresh, { ...bounded(text, goodbyeMs), values: [tables] });
      }
      await Promise.race([fresh.end(), pause(goodbyeMs, stopping.signal)]);
    } catch {
      // It has ended one way or the other.
    }
    fresh.connection.stream.destroy();
  }

  function wake(table?: string): void {
    for (const [name, wakersOfQueue] of wakers) {
      if (table !== undefined && table !== name) continue;
      for (const wakeOne of wakersOfQueue) wakeOne();
    }
  }

  const part = definePart({
    name: `listener ${source}`,
    async start() {
      loop = run();
    },
    async stop() {
      stopping.abort();
      // A source that says nothing must not hold up the end.
      const cut = setTimeout(() => current?.connection.stream.destroy(), 2 * goodbyeMs);
      await loop;
      clearTimeout(cut);
    },
  });

  return {
    ...part,
    get connected() {
      return client !== undefined;
    },
    async watch(queue) {
      const table = tableOf(queue);
      const asked = client;
      if (asked === undefined) return "unavailable";
      if (held.has(table)) return "watching";
      try {
        const text = `select case when pg_try_advisory_lock(${lockKey}) then 'ours'
                             when pg_try_advisory_lock_shared(${lockKey})
                              and pg_advisory_unlock_shared(${lockKey}) then 'senders'
                             else 'others' end as outcome`;
        const query = { ...bounded(text, goodbyeMs), values: [table] };
        const { rows } = await ask<{ outcome: "ours" | "senders" | "others" }>(asked, query);
        const outcome = rows[0]?.outcome;
        if (outcome === "senders") return "senders-busy";
        if (outcome !== "ours") return "watching";
        held.add(table);
        return "begun";
      } catch {
        // What does not answer is not waited for: the loop makes another connection.
        asked.connection.stream.destroy();
        return "unavailable";
      }
    },
    unwatch(queue) {
      const table = tableOf(queue);
      if (!held.delete(table)) return;
      const asked = client;
      if (asked === undefined) return;
      const text = `select pg_advisory_unlock(${lockKey})`;
      const query = { ...bounded(text, answerMs), values: [table] };
      ask(asked, query).catch(() => asked.connection.stream.destroy());
    },
    onMessage(queue, wakeOne) {
      const table = tableOf(queue);
      const wakersOfQueue = wakers.get(table) ?? new Set();
      wakers.set(table, wakersOfQueue.add(wakeOne));
      return () => wakersOfQueue.delete(wakeOne);
    },
  };
}

/** The name of a queue's table, unquoted: what a notification says. */
function tableOf(queue: string): string {
  return `q_${queue}`.toLowerCase();
}

/** A query that is given up when it is not answered in time; pg's types know this of clients only. */
function bounded(text: string, query_timeout: number) {
  return { text, query_timeout };
}
