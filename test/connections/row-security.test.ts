import { createConsumer } from "@centralcloud/consumer";
import { afterEach, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { configurationFor, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { examine, problem } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { startTransactionPooler } from "../support/transaction-pooler.ts";
import { until } from "../support/until.ts";

/* Where row-level security would hide rows, nobody sees fewer of them and calls that empty. */

const system = useSystem();
failOnLeaks(system);
const members = useMembers(system, { consumer: "centralcloud_consumer" });
const queue = "centralcloud-new-patterns";
const query = (text: string) => system.singularity.pool.query(text);
const undo: string[] = [];

async function secure(table: string, how: "enable" | "force" = "enable"): Promise<void> {
  await query(`alter table ${table} enable row level security`);
  if (how === "force") await query(`alter table ${table} force row level security`);
  undo.push(
    `alter table ${table} disable row level security; alter table ${table} no force row level security`,
  );
}

afterEach(async () => {
  for (const statement of undo.splice(0)) await query(statement);
});

const words = /row-level security would hide rows/;

describe.each([
  ["a queue", `pgmq."q_${queue}"`],
  ["the identity of the source", "public.singularity_source"],
])("on %s", (_, table) => {
  test("the consumer is not ready, says why, and continues when it is off again", async () => {
    await queuesOf(system).sendBatch(queue, [patternMessage()]);
    await secure(table);
    const { consumer: login } = members;
    const consumer = createConsumer(configurationFor(login), () => {});
    await consumer.start();
    try {
      await until("it says so", () => words.test(JSON.stringify(consumer.health())));
      expect(consumer.health().working).toBe(false);
      for (const statement of undo.splice(0)) await query(statement);
      await until("all are settled", () => queuesOf(system).isEmpty(queue));
      await until("it works", () => consumer.health().working);
    } finally {
      await consumer.stop();
    }
  });

  test("commands fail with words, and the doctor names the table", async () => {
    await secure(table);
    const environment = environmentOf(members.consumer);
    const { exitCode, stdout, stderr } = await runCommand(["queues"], environment);
    expect({ failed: exitCode !== 0, output: stdout + stderr }).toEqual({
      failed: true,
      output: expect.stringMatching(words),
    });
    const name = table.replaceAll('"', "");
    const findings = await examine(system);
    const drift = findings.filter(({ check }) => check === "drift");
    expect(drift.map(({ message }) => message.replaceAll('"', ""))).toEqual(
      expect.arrayContaining([expect.stringContaining(name)]),
    );
    expect(drift).toContainEqual(problem("error", /row level security/, /migrate/));
    // A login that may see less of it is told as well.
    expect(await examine(members.consumer)).toContainEqual(problem("error", words, /./));
  });
});

test("behind a pooler, whose sessions we may not change, it is said as well", async () => {
  await secure(`pgmq."q_${queue}"`);
  const pooler = await startTransactionPooler(members.consumer.singularity.url, 2);
  const consumer = createConsumer(
    configurationFor(members.consumer, { sourceUrls: [pooler.url], transactionPooling: true }),
    () => {},
  );
  await consumer.start();
  try {
    await until("it says so", () => words.test(JSON.stringify(consumer.health())));
  } finally {
    await consumer.stop();
    await pooler.close();
  }
});

test("a job fails with words where a policy would hide its rows, also one that pg_cron runs", async () => {
  await query(`insert into analysis_results (analysis_result, agent_id, learned)
               select '{"a": 1}', gen_random_uuid(), false`).catch(() => {});
  await secure("public.analysis_results", "force");
  const client = await system.singularity.pool.connect();
  try {
    // As pg_cron does, in a session with the server's defaults, as who may bypass nothing.
    await client.query("begin; set local role centralcloud_jobs");
    const { rows } = await client.query(
      "select status, error from public.run_job('learn-patterns-every-5min')",
    );
    expect(rows).toEqual([
      { status: "failed", error: expect.stringContaining("row-level security policy") },
    ]);
  } finally {
    await client.query("rollback");
    client.release();
  }
});
