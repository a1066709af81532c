import { queue } from "../backlog.ts";
import { drainFigures, withWal } from "../measure.ts";
import type { Database } from "../stage.ts";
import { assertResult, assertSettled } from "../verify.ts";
import { type PreparedSource, prepareQueue } from "./pgmq-source.ts";
import type { System } from "./system.ts";

const batchSize = 1_000;

/**
 * What one would write in an afternoon: one session, one table of content, no second database, and so nothing that has
 * to hold between two. It remembers each message, folds it in and archives it, as all others do. Grouped first, since
 * a batch may hold a pattern of an agent twice, and `on conflict` refuses to meet a row twice.
 */
const loop = `
create schema bare;
create table bare.patterns (
  agent_id text, fingerprint bytea, pattern jsonb, confidence numeric, learned_at timestamptz, n integer default 1,
  primary key (agent_id, fingerprint)
);
create table bare.inbox (msg_id bigint primary key);
create procedure bare.drain(p_queue text, p_batch_size integer) language plpgsql as $$
declare
  v_count integer;
begin
  loop
    with m as materialized (
      select * from pgmq.read(p_queue, 30, p_batch_size)
    ), f as (
      insert into bare.inbox select msg_id from m on conflict do nothing
    ), u as (
      insert into bare.patterns (agent_id, fingerprint, pattern, confidence, learned_at, n)
      select o.agent_id, o.fingerprint, (array_agg(o.pattern))[1], max(o.confidence), max(o.learned_at), count(*)
        from (
          select message ->> 'agent_id' as agent_id, sha256((message -> 'pattern')::text::bytea) as fingerprint,
                 message -> 'pattern' as pattern, (message ->> 'confidence')::numeric as confidence,
                 (message ->> 'learned_at')::timestamptz as learned_at
            from m
        ) o
       group by o.agent_id, o.fingerprint
      on conflict (agent_id, fingerprint) do update
        set n = bare.patterns.n + excluded.n, confidence = greatest(bare.patterns.confidence, excluded.confidence)
    )
    select count(*) into v_count from pgmq.archive(p_queue, array(select msg_id from m)) a;
    exit when v_count = 0;
    commit;
  end loop;
end
$$`;

/** The leanest loop that still reads, remembers, folds and archives, in one session of one database. */
export const bareLoop: System = {
  name: "bare-loop",
  takes: "batches",
  contend(lab, backlog) {
    let prepared: PreparedSource | undefined;
    return {
      name: "bare-loop",
      detail: `one statement reads, remembers, folds into one table and archives, then a commit, in a loop inside one database; batches of ${batchSize}`,
      async prepare() {
        prepared = await prepareQueue(lab, backlog, "both");
      },
      async run() {
        if (prepared === undefined) throw new Error("not prepared");
        const database = await lab.stage.clone(prepared.template);
        try {
          await database.pool.query(loop);
          const { result, walBytes } = await withWal(lab, () => time(database));
          await assertFolded(database, prepared);
          await assertSettled(database.pool, backlog);
          return drainFigures(backlog.messages, result, undefined, walBytes);
        } finally {
          await lab.stage.drop(database);
        }
      },
    };
  },
};

async function time({ pool }: Database): Promise<number> {
  const startedAt = performance.now();
  await pool.query(`call bare.drain('${queue}', ${batchSize})`);
  return performance.now() - startedAt;
}

async function assertFolded({ pool }: Database, { expected }: PreparedSource): Promise<void> {
  const { rows } = await pool.query(
    `select (select count(*) from bare.inbox)::text as messages, count(*)::text as agents,
            coalesce(sum(n), 0)::text as observations
       from bare.patterns`,
  );
  const { messages, agents } = expected;
  assertResult("the bare loop", { messages, agents, observations: messages }, { ...rows[0] });
}
