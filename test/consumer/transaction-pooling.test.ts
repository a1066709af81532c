import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { captureDefaults } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { expectToConsumeThrough } from "../support/pooled-consumer.ts";
import { runsOnlyInOwnSession, saysThatItWasNotTold } from "../support/pooled-sessions.ts";
import { startTransactionPooler, type TransactionPooler } from "../support/transaction-pooler.ts";

const system = useSystem();
failOnLeaks(system);
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

test("told so, the consumer works behind a pooler in transaction mode, and continues after idleness", async () => {
  await expectToConsumeThrough({ sourceUrl: source.url, centralUrl: central.url }, system);
});

test("not told so, the consumer says what to set, and blames no message", async () => {
  await saysThatItWasNotTold(system, { sourceUrl: source.url, centralUrl: central.url });
});

test("what needs a session of its own says that there is none", async () => {
  await runsOnlyInOwnSession({ sourceUrl: source.url, centralUrl: central.url }, captureDefaults);
});
