import { createConsumer } from "@centralcloud/consumer";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { archivedIn, configurationFor, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { startTransactionPooler, type TransactionPooler } from "../support/transaction-pooler.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
let source: TransactionPooler;
let central: TransactionPooler;

beforeAll(async () => {
  source = await startTransactionPooler(system.singularity.url, 3);
  central = await startTransactionPooler(system.central.url, 3);
});
afterAll(async () => {
  await source.close();
  await central.close();
});

test("the pooler of this test gives no session: what was prepared is unknown to the next transaction", async () => {
  const client = new pg.Client({ connectionString: source.url });
  await client.connect();
  await client.query("prepare one as select 1");
  await expect(client.query("execute one")).rejects.toThrow('"one" does not exist');
  await client.end();
});

test("told so, the consumer works behind a pooler in transaction mode, and goes on after idleness", async () => {
  const consumer = createConsumer(
    configurationFor(system, {
      sourceUrls: [source.url],
      centralUrl: central.url,
      transactionPooling: true,
      batchSize: 50,
    }),
    () => {},
  );
  await consumer.start();
  try {
    await until("it is ready", () => consumer.health().ready);
    for (const round of [1, 2]) {
      await queuesOf(system).sendBatch(
        queue,
        Array.from({ length: 500 }, () => patternMessage()),
      );
      await until("all are settled", () => queuesOf(system).isEmpty(queue));
      await until("the lane is idle", () => consumer.lanes.every((lane) => lane.idle));
      expect(await archivedIn(system, queue)).toBe(round * 500);
    }
    expect(consumer.health().ready).toBe(true);
  } finally {
    await consumer.stop();
  }
});
