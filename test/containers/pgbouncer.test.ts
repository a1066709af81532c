import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { type PgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { expectToConsumeThrough } from "../support/pooled-consumer.ts";

/* What consumer/transaction-pooling shows with a pooler of our own, here with the one that people have. */

const system = useSystem();
// Connections to the databases are the pooler's, which keeps them.
failOnLeaks();
let pooler: PgBouncer;

beforeAll(async () => {
  pooler = await startPgBouncer(3);
}, 180_000);
afterAll(() => pooler?.stop());

test("PgBouncer gives each transaction whichever connection is free", async () => {
  const clients = Array.from(
    { length: 2 },
    () => new pg.Client({ connectionString: pooler.through(system.singularity.url) }),
  );
  const [first, second] = clients as [pg.Client, pg.Client];
  await Promise.all(clients.map((client) => client.connect()));
  const backend = async (client: pg.Client) =>
    (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid;
  const before = await backend(first);
  await second.query("begin");
  expect(await backend(second)).toBe(before);
  expect(await backend(first)).not.toBe(before);
  await second.query("rollback");
  await Promise.all(clients.map((client) => client.end()));
});

test("the consumer merges everything behind PgBouncer in transaction mode", async () => {
  await expectToConsumeThrough(
    {
      sourceUrl: pooler.through(system.singularity.url),
      centralUrl: pooler.through(system.central.url),
    },
    system,
  );
});
