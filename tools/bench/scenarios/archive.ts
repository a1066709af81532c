import { type Backlog, fillQueue, queue } from "../backlog.ts";
import type { Lab, Scenario } from "../scenario.ts";
import { contendDrain } from "../systems/centralcloud.ts";
import { contentOf, emptySource } from "../systems/pgmq-source.ts";
import { drainColumns } from "./drain.ts";

/** A queue whose archive is long; its bodies are short, because only its index could be in the way. */
async function prepareArchive(lab: Lab, backlog: Backlog) {
  const { archived, ledger } = lab.sizes.archive;
  const template = await lab.stage.template(
    JSON.stringify({ archived, backlog }),
    await emptySource(lab),
    async ({ pool }) => {
      await pool.query(
        `insert into pgmq."a_${queue}" (msg_id, read_ct, enqueued_at, archived_at, vt, message)
         select i, 1, t.at, t.at, t.at, '{}'
           from generate_series(1, $1::bigint) i
          cross join lateral (select timestamptz '2025-01-01 00:00:00Z' + i * interval '1 second' as at) t`,
        [archived],
      );
      await pool.query(`select setval(pg_get_serial_sequence('pgmq."q_${queue}"', 'msg_id'), $1)`, [
        archived,
      ]);
      await fillQueue({ pool }, backlog);
    },
  );
  const { rows } = await withClone(lab, template, (pool) =>
    pool.query<{ source_id: string }>("select source_id from public.singularity_source"),
  );
  const sourceId = rows[0]?.source_id;
  const central = await lab.stage.template(
    JSON.stringify({ ledger }),
    await lab.stage.base("central"),
    async ({ pool }) => {
      await pool.query("select central.register_source($1, 'bench')", [sourceId]);
      await pool.query(
        `insert into central.processed_messages (lane_id, msg_id, enqueued_at, processed_at)
         select central.lane_id($1, $2), $3::bigint - i, t.at, t.at
           from generate_series(0, $4::bigint - 1) i
          cross join lateral (select timestamptz '2026-01-01 00:00:00Z' - i * interval '1 second' as at) t
          order by 2`,
        [sourceId, queue, archived, ledger],
      );
    },
  );
  return { template, central, expected: await contentOf(lab, backlog) };
}

async function withClone<Result>(
  { stage }: Lab,
  template: string,
  work: (pool: import("pg").Pool) => Promise<Result>,
): Promise<Result> {
  const database = await stage.clone(template);
  try {
    return await work(database.pool);
  } finally {
    await stage.drop(database);
  }
}

/** Whether what was done before slows what comes. */
export const archive: Scenario = {
  name: "archive",
  title: "Drain with a long archive and ledger, 0.4 kB messages",
  plan(lab) {
    const { archived, ledger, messages } = lab.sizes.archive;
    const waiting: Backlog = { messages, bytes: 420 };
    return {
      contenders: [
        contendDrain(lab, waiting, { name: "nothing before" }),
        contendDrain(lab, waiting, {
          name: "long before",
          detail: `${archived} archived messages, ${ledger} rows in the ledger`,
          prepare: () => prepareArchive(lab, waiting),
          archivedBefore: archived,
          ledgerBefore: ledger,
        }),
      ],
      columns: drainColumns,
      baseline: "nothing before",
      quick: ["long before"],
      goals: [
        {
          what: "a long archive against none",
          contender: "long before",
          figure: "perSecond",
          versus: "nothing before",
          atLeast: 0.9,
        },
      ],
    };
  },
};
