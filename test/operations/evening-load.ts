import { setTimeout as delay } from "node:timers/promises";
import { queuesOf } from "../support/consumer.ts";
import type { TestSystem } from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

/** What applications and producers do all evening. */
export interface EveningLoad {
  /** Sends one number, right or wrong. */
  send(numbers: readonly number[], changes?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Resolves when everything that was begun is committed. */
  stop(): Promise<void>;
  /** How many numbers the load itself has sent, from 0. */
  readonly sent: number;
}

const tickMs = 100;
const patternsATick = 10;
const sessionCount = 5;

/** Begins to send a hundred patterns a second, each with a number of its own, and to write sessions. */
export async function startLoad({ singularity, central }: TestSystem): Promise<EveningLoad> {
  const { pool } = singularity;
  const queues = queuesOf({ singularity, central });
  await pool.query("insert into agents (agent_id) values ('agent-1')");
  await pool.query(
    `insert into agent_sessions (agent_id, state)
     select 'agent-1', jsonb_build_object('step', 0) from generate_series(1, $1)`,
    [sessionCount],
  );
  let sent = 0;
  let isOver = false;

  async function send(numbers: readonly number[], changes = {}): Promise<void> {
    const bodies = numbers.map((number) => patternMessage({ pattern: { number }, ...changes }));
    await queues.sendBatch(patterns, bodies);
  }

  async function run(): Promise<void> {
    while (!isOver) {
      await send(Array.from({ length: patternsATick }, () => sent++));
      await pool.query(
        "update agent_sessions set state = jsonb_build_object('step', $1::integer)",
        [sent],
      );
      await delay(tickMs);
    }
  }

  const running = run();
  // Reported by stop(); a test that failed elsewhere must not end in this.
  running.catch(() => {});
  await until("the load runs", () => sent > 0);
  return {
    send,
    async stop() {
      isOver = true;
      await running;
    },
    get sent() {
      return sent;
    },
  };
}

/** Everything that the evening may not have left, in words; empty where all is well. */
export async function findDamage(
  { singularity, central }: TestSystem,
  numbers: number,
): Promise<readonly string[]> {
  const counts = async (database: TestSystem["central"], statement: string) =>
    (await database.pool.query<{ what: string; count: number }>(statement, [numbers])).rows;
  const found = [
    ...(await counts(
      singularity,
      `with archived as (
         select (a.message -> 'pattern' ->> 'number')::integer as number, count(*) as times
           from pgmq."a_${patterns}" a group by 1
       )
       select 'numbers that were lost' as what, count(*)::integer as count
         from generate_series(0, $1 - 1) n where n not in (select number from archived)
       union all
       select 'numbers archived more than once', count(*)::integer from archived where times > 1
       union all
       select 'messages left in the queues', (select count(*) from pgmq."q_${patterns}")::integer
         + (select count(*) from pgmq."q_agent-sessions")::integer
       union all
       select 'sessions that were not queued', count(*)::integer from agent_sessions
        where last_synced_at is null`,
    )),
    ...(await counts(
      central,
      `select 'numbers that are not in the central store' as what, count(*)::integer as count
         from generate_series(0, $1 - 1) n
        where n not in (select (pattern ->> 'number')::integer from central.patterns)
       union all
       select 'numbers counted more than once', count(*)::integer from central.patterns
        where observation_count <> 1
       union all
       select 'numbers that nobody sent', count(*)::integer from central.patterns
        where (pattern ->> 'number')::integer not between 0 and $1 - 1
       union all
       select 'attempts left', count(*)::integer from central.delivery_failures`,
    )),
  ];
  const damage = found
    .filter(({ count }) => count > 0)
    .map(({ what, count }) => `${count} ${what}`);
  const ledger = await central.pool.query(
    "select count(*)::integer from central.processed_messages",
  );
  const archived = await singularity.pool.query(
    `select (select count(*) from pgmq."a_${patterns}")::integer
          + (select count(*) from pgmq."a_agent-sessions")::integer as count`,
  );
  const [merged, kept] = [ledger.rows[0].count, archived.rows[0].count];
  if (merged !== kept) damage.push(`${kept} messages in the archives, ${merged} in the ledger`);
  return damage;
}
