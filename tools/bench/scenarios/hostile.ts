import { spawnSync } from "node:child_process";
import { setPriority } from "node:os";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { withClient } from "../hostile/attacks.ts";
import { runHostile } from "../hostile/run-hostile.ts";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";

const goodSources = 3;
const quiet = "a fourth that is quiet";
const hostile = "a fourth that attacks";

/**
 * The fourth source has a server of its own, which gets the processors' time that nobody else wants: it would be
 * another machine, and what its owner does there would cost this one nothing.
 */
async function startElsewhere(durable: boolean) {
  const server = await startEmbeddedPostgres({
    databases: ["other"],
    durable,
    settings: { max_connections: 100, shared_buffers: "128MB" },
  });
  try {
    runWhenIdle(server.processIds.server);
    const url = server.urlOf("other");
    await migrateAndSchedule("source", url, () => {});
    const password = "of-the-bench";
    await withClient(url, (client) =>
      client.query(
        `create role bench_application login password '${password}' in role centralcloud_application`,
      ),
    );
    const applicationUrl = new URL(url);
    applicationUrl.username = "bench_application";
    applicationUrl.password = password;
    const pool = new pg.Pool({ connectionString: url, application_name: "bench", max: 4 });
    pool.on("error", () => {});
    return {
      url,
      pool,
      applicationUrl: applicationUrl.href,
      async stop() {
        await pool.end();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Of a process and whatever it starts from now on. The lowest priority takes a tenth where several processes have it. */
function runWhenIdle(processId: number): void {
  setPriority(processId, 19);
  // Linux only, from util-linux; without it, the priority has to do.
  spawnSync("chrt", ["--idle", "--pid", "0", String(processId)], { stdio: "ignore" });
}

function contend(lab: Lab, name: string): Contender {
  return {
    name,
    detail:
      "one consumer with default settings; three sources whose queues are kept full, and the fourth",
    async run() {
      const { stage, sizes, options } = lab;
      const other = await startElsewhere(!options.quick);
      const databases: Database[] = [];
      try {
        const central = await stage.clone(await stage.base("central"));
        databases.push(central);
        for (let number = 0; number < goodSources; number++) {
          databases.push(await stage.clone(await emptySource(lab)));
        }
        const good = databases.slice(1);
        for (const { pool } of good) {
          await pool.query("update singularity_source set source_id = gen_random_uuid()");
        }
        const { seconds, least } = sizes.hostile;
        const isAttacked = name === hostile;
        const report = await runHostile({ good, other, central, isAttacked, seconds, least });
        assertResult(`after ${seconds} s`, [], report.differences);
        const { perSecond, messages, consumer, attacks } = report;
        const done = [...attacks.values()].reduce((sum, count) => sum + count.done, 0);
        return {
          perSecond,
          messages,
          attacks: done,
          peakMb: (consumer.usage?.peakBytes ?? Number.NaN) / 1024 / 1024,
        };
      } finally {
        await stage.drop(...databases);
        await other.stop();
      }
    },
  };
}

/** A source whose owner does everything at once that was thought of: what it costs the others. */
export const hostileSource: Scenario = {
  name: "hostile",
  title: "Three sources beside one that attacks, 0.4 kB messages",
  plan(lab) {
    return {
      contenders: [contend(lab, quiet), contend(lab, hostile)],
      columns: [
        { figure: "perSecond", heading: "msgs/s of the three" },
        { figure: "peakMb", heading: "peak MB" },
        { figure: "attacks", heading: "attacks" },
      ],
      baseline: quiet,
      mostRounds: 2,
      quick: [hostile],
      goals: [
        {
          what: "throughput of the three beside one that attacks",
          contender: hostile,
          figure: "perSecond",
          versus: quiet,
          atLeast: 0.8,
        },
        {
          what: "memory of the consumer, MB",
          contender: hostile,
          figure: "peakMb",
          atMost: 300,
        },
      ],
    };
  },
};
