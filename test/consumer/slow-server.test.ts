import { classifyFault, createPool, cutConnections, endPool } from "@centralcloud/postgres";
import type { Pool } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Link } from "../../tools/chaos/proxy/link.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);

let link: Link;
let pool: Pool;

beforeEach(async () => {
  const url = new URL(system.central.url);
  const port = Number(url.port);
  link = new Link(() => port);
  url.hostname = "127.0.0.1";
  url.port = String(await link.open());
  pool = createPool(url.href, { applicationName: "slow-server", max: 3 });
});

afterEach(async () => {
  link.change({ kind: "open" });
  await endPool(pool, 1_000);
  await link.close();
});

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test("a database that says nothing is lost", async () => {
  link.change({ kind: "silent" });
  const fault = classifyFault(await errorOf(pool.query("select")));
  expect(fault).toMatchObject({ kind: "connection-lost", scope: "database" });
});

test("a database that is slow to take a connection, and answers on others, is not lost", async () => {
  const client = await pool.connect();
  // What is connected later gets no answer.
  const silent = new Link(() => 1);
  const port = await silent.open();
  silent.change({ kind: "silent" });
  Object.assign(pool.options, { connectionString: undefined, host: "127.0.0.1", port });
  const failed = errorOf(pool.query("select"));
  const timer = setInterval(() => void client.query("select"), 1_000);
  try {
    const fault = classifyFault(await failed);
    expect(fault).toMatchObject({ kind: "no-connection-left", scope: "lane" });
    expect(fault.message).toContain("while the database answers on other connections");
  } finally {
    clearInterval(timer);
    client.release();
    await silent.close();
  }
});

test("after a fault, what was asked before it is answered where the connection works", async () => {
  const idle = await pool.connect();
  const busy = await pool.connect();
  idle.release();
  const answer = busy.query("select pg_sleep(1), 'here' as word");
  cutConnections(pool, performance.now());
  expect((await answer).rows).toMatchObject([{ word: "here" }]);
  busy.release();
  await until("the idle one is gone", () => pool.totalCount === 1);
});

test("after a fault, what was asked on a connection that leads nowhere is given up soon", async () => {
  const client = await pool.connect();
  link.change({ kind: "silent" });
  const answer = errorOf(client.query("select"));
  const startedAt = performance.now();
  cutConnections(pool, performance.now());
  expect(classifyFault(await answer)).toMatchObject({ kind: "connection-lost" });
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  client.release(true);
});
