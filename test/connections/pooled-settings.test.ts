import { createConsumer } from "@centralcloud/consumer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { configurationFor, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { startTransactionPooler, type TransactionPooler } from "../support/transaction-pooler.ts";
import { until } from "../support/until.ts";

/* Behind a pooler nothing can be set: what commits without waiting for the disk is refused, and not only noticed. */

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
let pooler: TransactionPooler;

beforeAll(async () => {
  await system.central.pool.query(
    `alter database ${system.central.name} set synchronous_commit = off`,
  );
  pooler = await startTransactionPooler(system.central.url, 2);
});
afterAll(() => pooler.close());

test("a consumer merges nothing by sessions that forget a commit, and says which setting it is", async () => {
  await queuesOf(system).send(queue, patternMessage());
  const consumer = createConsumer(
    configurationFor(system, { centralUrl: pooler.url, transactionPooling: true }),
    () => {},
  );
  await consumer.start();
  try {
    await until("it says so", () =>
      JSON.stringify(consumer.health()).includes("synchronous_commit = off"),
    );
    expect((await queuesOf(system).metrics(queue)).total).toBe(1);
  } finally {
    await consumer.stop();
  }
});

test("an operator's action is refused with the same words, before anything is done", async () => {
  const environment = { ...environmentOf(system), CENTRAL_DATABASE_URL: pooler.url };
  const words = ["dlq", "discard", "--all", "--reason", "a test"];
  const { exitCode, stderr } = await runCommand(words, environment);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("the sessions of the pooler have synchronous_commit = off");
  expect(stderr).toContain("alter role … set");
});

test("without a pooler the setting is overruled", async () => {
  expect((await drainAll(system)).report).toMatchObject({ processed: 1 });
});
