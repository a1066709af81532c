import type { Pool } from "pg";
import { fillQueue } from "../backlog.ts";
import { type Consumer, startConsumer } from "../consumer.ts";
import { serverTime, steadyRate } from "../measure.ts";
import type { Contender, Goal, Lab, Scenario } from "../scenario.ts";
import { contentOf, emptySource } from "../systems/pgmq-source.ts";
import { assertMergedOnce, assertSettled } from "../verify.ts";
import { untilEmpty } from "./latency.ts";

const nameOf = (replicas: number) => `${replicas} ${replicas === 1 ? "replica" : "replicas"}`;

/** Of the backlog, before it: enough for each of 32 replicas to have merged a batch or two. */
const warmUp = 0.2;

function contend(lab: Lab, replicas: number): Contender {
  const backlog = { messages: lab.sizes.replicas.messages, bytes: 420 };
  const before = { ...backlog, messages: Math.ceil(backlog.messages * warmUp) };
  const all = { ...backlog, messages: before.messages + backlog.messages };
  return {
    name: nameOf(replicas),
    detail:
      "`centralcloud consume` with default settings, all ready and warm from a fifth as many messages before the backlog is committed",
    async run() {
      const { stage } = lab;
      const source = await stage.clone(await emptySource(lab));
      const central = await stage.clone(await stage.base("central"));
      const consumers: Consumer[] = [];
      try {
        for (let number = 0; number < replicas; number++) {
          consumers.push(await startConsumer(source, central));
        }
        await fillInOneTransaction(source.pool, before);
        await untilEmpty(source.pool);
        const since = await serverTime(lab);
        await fillInOneTransaction(source.pool, backlog, before.messages);
        await untilEmpty(source.pool);
        await Promise.all(consumers.map((consumer) => consumer.stop()));
        consumers.length = 0;
        await assertMergedOnce(central.pool, await contentOf(lab, all));
        await assertSettled(source.pool, all);
        const { messages } = backlog;
        return { messages, steadyPerSecond: await steadyRate(central.pool, since) };
      } finally {
        for (const { program } of consumers) program.child.kill("SIGKILL");
        await stage.drop(source, central);
      }
    },
  };
}

/** So that all of it is there at once. */
async function fillInOneTransaction(
  pool: Pool,
  backlog: { readonly messages: number; readonly bytes: number },
  after = 0,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await fillQueue({ pool: client }, backlog, after);
    await client.query("commit");
  } finally {
    client.release();
  }
}

/** Many consumers on one queue and on the same cores: what they cost each other. */
export const replicas: Scenario = {
  name: "replicas",
  title: "Replicas on one queue, 0.4 kB messages",
  plan(lab) {
    const { counts } = lab.sizes.replicas;
    const goal = (count: number, atLeast: number): Goal => ({
      what: `${nameOf(count)} against one`,
      contender: nameOf(count),
      figure: "steadyPerSecond",
      versus: nameOf(1),
      atLeast,
    });
    return {
      contenders: counts.map((count) => contend(lab, count)),
      columns: [
        { figure: "steadyPerSecond", heading: "steady msgs/s" },
        { figure: "messages", heading: "of" },
      ],
      baseline: nameOf(1),
      mostRounds: 3,
      goals: [goal(4, 0.95), goal(32, 0.8)],
    };
  },
};
