import { contractFor, type QueueName, queueNames } from "@centralcloud/contracts";
import { formatSessionKey } from "@centralcloud/session-keys";
import type { Pool } from "pg";
import { Random } from "../../chaos/load/random.ts";
import { prepareSeals, type Seals } from "../../chaos/load/seals.ts";
import { CentralModel, type KnownSource } from "../../chaos/oracle/central-model.ts";
import { compareStores } from "../../chaos/oracle/compare-stores.ts";
import { readStore } from "../../chaos/oracle/read-store.ts";
import { chaosQueue } from "../../chaos/queues.ts";
import { drainFigures, withWal } from "../measure.ts";
import { reportOf, startCentralcloud } from "../process.ts";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";
import { drainColumns } from "./drain.ts";

const seed = 1;
const together = 1_000;

let prepared: Promise<Seals> | undefined;

/** One for all queues of this process: what is sealed for its key must be opened by the same. */
function benchSeals(): Promise<Seals> {
  prepared ??= prepareSeals(seed);
  return prepared;
}

/** Message number n of a queue, and what it does to the central store. */
function messageOf(queue: QueueName, number: number, seals: Seals) {
  const random = new Random("bench", queue, number);
  return chaosQueue(queue).write({ random, seals, marks: {} });
}

async function fill(pool: Pool, queue: QueueName, messages: number): Promise<void> {
  const seals = await benchSeals();
  for (let first = 0; first < messages; first += together) {
    const count = Math.min(together, messages - first);
    const bodies = Array.from(
      { length: count },
      (_, index) => messageOf(queue, first + index, seals).document,
    );
    await pool.query("select count(*) from pgmq.send_batch($1, $2::jsonb[])", [queue, bodies]);
  }
}

/** Every row that the messages make is there, and no other, by the oracle of the chaos suite. */
async function assertMerged(
  { source, central }: { readonly source: Database; readonly central: Database },
  queue: QueueName,
  messages: number,
): Promise<void> {
  const seals = await benchSeals();
  const { rows: sources } = await source.pool.query<KnownSource>(
    `select s.source_id::text as "sourceId", s.name from public.singularity_source s`,
  );
  const model = new CentralModel(sources);
  for (let number = 0; number < messages; number++) {
    model.add({ source: 0, queue, effect: messageOf(queue, number, seals).effect });
  }
  const store = await readStore({
    query: async (text, values) => (await central.pool.query(text, values)).rows,
  });
  const differences = compareStores(model.content(), store).map(({ text }) => text);
  assertResult("the central store", [], differences.slice(0, 5));
  const { rows: left } = await source.pool.query<{ queued: number; archived: number }>(
    `select (select count(*) from pgmq."q_${queue}")::integer as queued,
            (select count(*) from pgmq."a_${queue}")::integer as archived`,
  );
  assertResult("the queue", { queued: 0, archived: messages }, { ...left[0] });
}

function contend(lab: Lab, queue: QueueName, messages: number): Contender {
  let template: string | undefined;
  return {
    name: queue,
    isOurs: true,
    detail: `\`centralcloud drain\`, default settings; ${contractFor(queue).version} as the chaos suite writes it`,
    async prepare() {
      const key = JSON.stringify({ queue, messages });
      template = await lab.stage.template(key, await emptySource(lab), ({ pool }) =>
        fill(pool, queue, messages),
      );
    },
    async run() {
      if (template === undefined) throw new Error("not prepared");
      const source = await lab.stage.clone(template);
      const central = await lab.stage.clone(await lab.stage.base("central"));
      try {
        const environment = {
          SOURCE_DATABASE_URLS: source.url,
          CENTRAL_DATABASE_URL: central.url,
          SESSION_PRIVATE_KEYS: formatSessionKey((await benchSeals()).key),
        };
        const { result, walBytes } = await withWal(lab, () =>
          reportOf<{ readonly processed: number; readonly elapsedMs: number }>(
            startCentralcloud(["drain"], environment),
          ),
        );
        assertResult("the drain's report", messages, result.report.processed);
        await assertMerged({ source, central }, queue, messages);
        return drainFigures(messages, result.report.elapsedMs, result, walBytes);
      } finally {
        await lab.stage.drop(source, central);
      }
    },
  };
}

/** What a message of each queue costs. A new queue is measured with the others, and has no goal of its own. */
export const queues: Scenario = {
  name: "queues",
  title: "Drain of each queue by itself",
  plan: (lab) => ({
    contenders: queueNames.map((queue) => contend(lab, queue, lab.sizes.queues)),
    columns: drainColumns,
    ...(queueNames[0] === undefined ? {} : { baseline: queueNames[0] }),
    goals: [],
  }),
};
