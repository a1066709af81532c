import { PgBoss } from "pg-boss";
import { inChunks, queue } from "../backlog.ts";
import { assertResult } from "../verify.ts";
import { contentOf, emptySource } from "./pgmq-source.ts";
import type { System } from "./system.ts";
import { contendWorker } from "./worker.ts";

const settings = { batchSize: 500, concurrency: 2 };

export const pgBoss: System = {
  name: "pg-boss",
  takes: "batches",
  contend: (lab, backlog) =>
    contendWorker(lab, backlog, {
      name: "pg-boss",
      detail: `12.38.0: fetch, merge, complete in batches of ${settings.batchSize}, ${settings.concurrency} in flight, the queue in a table of its own`,
      program: "pg-boss",
      settings,
      async prepare() {
        const template = await lab.stage.template(
          JSON.stringify({ boss: backlog }),
          await emptySource(lab),
          async ({ pool, url }) => {
            const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
            boss.on("error", (error) => console.error(error));
            await boss.start();
            await boss.createQueue(queue, { partition: true });
            await inChunks(backlog, async (first, last) => {
              const { rows } = await pool.query<{ id: string; message: object }>(
                "select i::text as id, bench.message(i, $1, '') as message from generate_series($2::bigint, $3::bigint) i",
                [backlog.bytes, first, last],
              );
              await boss.insert(
                queue,
                rows.map((data) => ({ data })),
              );
            });
            await boss.stop({ graceful: false });
          },
        );
        return { template, expected: await contentOf(lab, backlog) };
      },
      async assertSettled({ pool }) {
        const { rows } = await pool.query(
          "select state::text, count(*)::integer as jobs from pgboss.job where name = $1 group by state",
          [queue],
        );
        assertResult("pg-boss", [{ state: "completed", jobs: backlog.messages }], [...rows]);
      },
    }),
};
