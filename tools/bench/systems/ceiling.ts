import { queue } from "../backlog.ts";
import { drainFigures, withWal } from "../measure.ts";
import type { Database } from "../stage.ts";
import { assertMergedOnce, assertSettled } from "../verify.ts";
import { frozenMerge } from "./frozen-merge.ts";
import { type PreparedSource, prepareQueue } from "./pgmq-source.ts";
import type { System } from "./system.ts";

/** As many as the consumer reads. */
const batchSize = 500;

/**
 * The same calls with nothing in between: no wire, no JSON in another process, no check of contracts,
 * and one commit a batch where two databases need three. Its merge is frozen, so that a cheaper one of ours shows.
 */
const loop = `
create procedure bench.drain(p_queue text, p_batch_size integer) language plpgsql as $$
declare
  v_source_id constant uuid := (select s.source_id from public.singularity_source s);
  v_ids bigint[];
  v_enqueued_ats timestamptz[];
  v_messages jsonb;
begin
  loop
    select array_agg(m.msg_id order by m.msg_id), array_agg(m.enqueued_at order by m.msg_id),
           jsonb_agg(m.message order by m.msg_id)
      into v_ids, v_enqueued_ats, v_messages
      from pgmq.read(p_queue, 30, p_batch_size) m;
    exit when v_ids is null;
    perform from frozen.merge_patterns(v_source_id, p_queue, v_ids, v_enqueued_ats, v_messages);
    perform from pgmq.archive(p_queue, v_ids);
    commit;
  end loop;
end
$$`;

/** How fast this PostgreSQL does the same work in one session, with queue and store in one database. */
export const ceiling: System = {
  name: "ceiling",
  takes: "batches",
  contend(lab, backlog) {
    let prepared: PreparedSource | undefined;
    return {
      name: "ceiling",
      detail: `pgmq.read, the merge of November 2026, pgmq.archive, commit, in a loop inside one database; batches of ${batchSize}`,
      async prepare() {
        prepared = await prepareQueue(lab, backlog, "both");
      },
      async run() {
        if (prepared === undefined) throw new Error("not prepared");
        const database = await lab.stage.clone(prepared.template);
        try {
          await database.pool.query(frozenMerge);
          await database.pool.query(loop);
          const { result, walBytes } = await withWal(lab, () => time(database));
          await assertMergedOnce(database.pool, prepared.expected, 0, "frozen");
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
  await pool.query(`call bench.drain('${queue}', ${batchSize})`);
  return performance.now() - startedAt;
}
