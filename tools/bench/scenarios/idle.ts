import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { startConsumer } from "../consumer.ts";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";

const lanes = 3;

/** Sessions report what they did to pg_stat_database at most once a second, idle ones within ten. */
const reportS = 10;

/** How statements are counted: by pg_stat_statements where the server has loaded it, else by transactions. */
interface Counter {
  prepare(databases: readonly Database[]): Promise<void>;
  /** How many these databases have seen so far. The bench itself asks from another database. */
  count(databases: readonly Database[]): Promise<number>;
}

async function chooseCounter({ server: { pool } }: Lab): Promise<Counter> {
  const { rows } = await pool.query(
    "select from pg_settings where name = 'pg_stat_statements.track'",
  );
  return rows.length > 0 ? await countStatements(pool) : countTransactions(pool);
}

async function countStatements(pool: Pool): Promise<Counter> {
  await pool.query("create extension if not exists pg_stat_statements");
  return {
    async prepare(databases) {
      for (const { name } of databases) {
        await pool.query(`alter database ${name} set pg_stat_statements.track = 'top'`);
      }
    },
    count: (databases) =>
      sumFor(
        pool,
        `select coalesce(sum(s.calls), 0)::text as sum
           from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname = any ($1)`,
        databases,
      ),
  };
}

function countTransactions(pool: Pool): Counter {
  return {
    async prepare() {},
    async count(databases) {
      await delay(reportS * 1000);
      return await sumFor(
        pool,
        `select coalesce(sum(s.xact_commit + s.xact_rollback), 0)::text as sum
           from pg_stat_database s where s.datname = any ($1)`,
        databases,
      );
    },
  };
}

async function sumFor(pool: Pool, statement: string, databases: readonly Database[]) {
  const names = databases.map(({ name }) => name);
  const { rows } = await pool.query<{ sum: string }>(statement, [names]);
  return Number(rows[0]?.sum);
}

function contend(lab: Lab): Contender {
  const { settleS, seconds } = lab.sizes.idle;
  return {
    name: "consume",
    isOurs: true,
    detail: `statements of ${lanes} lanes in ${seconds} s, after ${settleS} s of settling, by pg_stat_statements or else by transactions`,
    async run() {
      const { stage } = lab;
      const counter = await chooseCounter(lab);
      const source = await stage.clone(await stage.base("source"));
      const central = await stage.clone(await stage.base("central"));
      try {
        await counter.prepare([source, central]);
        const consumer = await startConsumer(source, central);
        await delay(settleS * 1000);
        const before = await counter.count([source, central]);
        const startedAt = performance.now();
        await delay(seconds * 1000);
        const statements = (await counter.count([source, central])) - before;
        const elapsedS = (performance.now() - startedAt) / 1000;
        await consumer.stop();
        return {
          statementsPerMinute: (statements / elapsedS) * 60,
          statementsPerSecondPerLane: statements / elapsedS / lanes,
        };
      } finally {
        await stage.drop(source, central);
      }
    },
  };
}

/** What a consumer costs its databases while there is nothing to do. */
export const idle: Scenario = {
  name: "idle",
  title: "Idle: three empty queues",
  plan: (lab) => ({
    contenders: [contend(lab)],
    columns: [
      { figure: "statementsPerMinute", heading: "statements/min", digits: 1 },
      { figure: "statementsPerSecondPerLane", heading: "per second and lane", digits: 2 },
    ],
    mostRounds: 2,
    goals: [
      {
        what: "statements per second and lane",
        contender: "consume",
        figure: "statementsPerSecondPerLane",
        atMost: 0.5,
      },
    ],
  }),
};
