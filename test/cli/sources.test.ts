import { createConsumer } from "@centralcloud/consumer";
import { PgmqClient } from "@centralcloud/pgmq";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { configurationFor, drainAll } from "../support/consumer.ts";
import { copyTestDatabase } from "../support/copied-databases.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  type TestSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const queue = "centralcloud-new-patterns";
const opened: TestDatabase[] = [];
const system = {} as TestSystem;
failOnLeaks();

beforeEach(async () => {
  system.singularity = await createTestDatabase("singularity");
  system.central = await createTestDatabase("central");
  opened.push(system.singularity, system.central);
});
afterEach(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
});

async function copy(): Promise<TestDatabase> {
  const copied = await copyTestDatabase(system.singularity);
  opened.splice(opened.indexOf(system.singularity), 1, copied.original, copied.copy);
  system.singularity = copied.original;
  return copied.copy;
}

const place = ({ url }: TestDatabase) => new URL(url).host + new URL(url).pathname;
const both = (...databases: readonly TestDatabase[]) => ({
  sourceUrls: databases.map(({ url }) => url),
});

function run(words: readonly string[], ...sources: readonly TestDatabase[]) {
  const environment = environmentOf(system);
  const urls = sources.length > 0 ? sources : [system.singularity];
  return runCommand(["sources", ...words], {
    ...environment,
    SOURCE_DATABASE_URLS: urls.map(({ url }) => url).join(" "),
  });
}

async function list(...sources: readonly TestDatabase[]) {
  const { exitCode, stdout } = await run(["list", "--json"], ...sources);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as {
    id: string;
    server: string;
    state: string;
    decision: string | null;
  }[];
}

const send = ({ pool }: TestDatabase, name: string, to = queue) =>
  new PgmqClient(pool).send(to, patternMessage({ pattern: { name } }));

async function counted(): Promise<Record<string, number>> {
  const { rows } = await system.central.pool.query<{ name: string; count: number }>(
    `select pattern ->> 'name' as name, observation_count::integer as count from central.patterns order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

async function idOf({ pool }: TestDatabase): Promise<string> {
  const { rows } = await pool.query("select source_id from singularity_source");
  return rows[0].source_id;
}

test("list: every source with its id, server and state, configured or not", async () => {
  expect(await list()).toMatchObject([{ server: place(system.singularity), state: "ok" }]);
  await drainAll(system);
  const clone = await copy();
  const id = await idOf(clone);
  expect(await list(system.singularity, clone)).toMatchObject([
    { id, server: place(system.singularity), state: "ok" },
    { id, server: place(clone), state: "conflict" },
  ]);
  expect(await list(clone)).toMatchObject([
    { id, server: place(clone), state: "moved" },
    { id, server: place(system.singularity), state: "ok" },
  ]);
  const { stdout } = await run(["list"], clone);
  expect(stdout).toMatch(/id +name +server +state +decided +reason/);
});

test("adopt: the source is where the operator says from now on, and the database before waits", async () => {
  await drainAll(system);
  const clone = await copy();
  await send(clone, "of the copy");
  await expect(drainAll({ ...system, singularity: clone })).rejects.toThrow(
    "sources adopt --source",
  );
  const words = ["adopt", "--source", place(clone), "--reason", "restored"];
  const { exitCode, stdout } = await run(words, system.singularity, clone);
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: expect.stringContaining(place(clone)),
  });
  expect((await drainAll({ ...system, singularity: clone })).report.processed).toBe(1);
  expect(await list(system.singularity, clone)).toMatchObject([
    { server: place(system.singularity), state: "conflict", decision: null },
    { server: place(clone), state: "ok", decision: "adopted" },
  ]);
  const { rows } = await system.central.pool.query(
    "select action, reason, selection ->> 'address' as address from central.operator_actions",
  );
  expect(rows).toEqual([{ action: "adopt-source", reason: "restored", address: place(clone) }]);
});

describe("renew", () => {
  test("a copy counts nothing of what the original delivers, and everything of its own", async () => {
    await send(system.singularity, "archived before");
    await drainAll(system);
    await send(system.singularity, "merged by the original");
    await send(system.singularity, "waits at the original");
    await send(system.singularity, "dies at the original");
    await new PgmqClient(system.singularity.pool).send(`${queue}-dlq`, "{}");
    const clone = await copy();
    await system.central.pool.query(
      "alter table central.patterns add constraint refused check (pattern ->> 'name' not like 'dies%')",
    );
    // The original goes on; one message keeps waiting there.
    await system.singularity.pool.query(
      `update pgmq."q_${queue}" set vt = now() + interval '1 hour' where message::text like '%waits at%'`,
    );
    const consumer = createConsumer(configurationFor(system), () => {});
    await consumer.start();
    await until(
      "one waits",
      async () => (await new PgmqClient(system.singularity.pool).metrics(queue)).total === 1,
    );
    await consumer.stop();
    await system.central.pool.query("alter table central.patterns drop constraint refused");
    await send(clone, "of the copy");
    await send(system.singularity, "of the original, later");

    const { exitCode, stdout, stderr } = await run(
      ["renew", "--source", place(clone), "--name", "staging", "--json"],
      system.singularity,
      clone,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ name: "staging", copies: 3, kept: 1, letters: 1 });
    expect(report.id).toBe(await idOf(clone));
    expect(report.id).not.toBe(await idOf(system.singularity));

    const drained = await drainAll(system, both(clone));
    expect(drained.report).toMatchObject({ processed: 1, duplicates: 0, deadLettered: 0 });
    // What its archive holds of the original's is not the copy's to send again.
    const environment = environmentOf({ ...system, singularity: clone });
    const replay = await runCommand(
      ["replay-archive", "--all", "--reason", "test", "--json"],
      environment,
    );
    expect(JSON.parse(replay.stdout)).toMatchObject({ requeued: 1 });
    expect((await drainAll(system, both(clone))).report).toMatchObject({
      duplicates: 1,
      processed: 0,
    });
    await system.singularity.pool.query(`update pgmq."q_${queue}" set vt = now()`);
    await drainAll(system, both(system.singularity, clone));
    expect(await counted()).toEqual({
      "archived before": 1,
      "merged by the original": 1,
      "waits at the original": 1,
      "of the copy": 1,
      "of the original, later": 1,
    });
    expect(await list(system.singularity, clone)).toMatchObject([
      { state: "ok", decision: null },
      { state: "ok", decision: "renewed" },
    ]);
  });

  test("sessions that wait are sent anew, under the new id", async () => {
    await drainAll(system);
    const clone = await copy();
    const { rows } = await clone.pool.query(
      "insert into agent_sessions (agent_id, state) values ('a', '{}') returning id::text",
    );
    await new PgmqClient(clone.pool).send(
      "agent-sessions",
      JSON.stringify({
        agent_id: "a",
        session_id: rows[0].id,
        session_state: {},
        synced_at: "2026-01-01",
      }),
    );
    const { exitCode, stdout } = await runCommand(["sources", "renew", place(clone), "--json"], {
      ...environmentOf(system),
      SOURCE_DATABASE_URLS: `${system.singularity.url} ${clone.url}`,
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ resent: 1, kept: 0 });
    const { rows: sessions } = await clone.pool.query("select unsynced from agent_sessions");
    expect(sessions).toEqual([{ unsynced: true }]);
  });

  test("asks when the copy was made where nobody can tell whose the messages are", async () => {
    await drainAll(system);
    await send(system.singularity, "before");
    const clone = await copy();
    const { rows } = await clone.pool.query("select clock_timestamp()::text as at");
    await send(clone, "since");
    const refused = await run(["renew", "--source", place(clone)], clone);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("2 messages wait of which it is not known");
    expect(await idOf(clone)).toBe(await idOf(system.singularity));
    const at = rows[0].at.replace(" ", "T");
    const done = await run(["renew", "--source", place(clone), "--cloned-at", at, "--json"], clone);
    expect(JSON.parse(done.stdout)).toMatchObject({ copies: 1, kept: 1 });
  });

  test("leaves a source alone that has its id rightly", async () => {
    await drainAll(system);
    const { exitCode, stderr } = await run(["renew", "--source", place(system.singularity)]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("is the source that the central store knows by its id");
  });
});

test("what is decided by a source's id is done to no other database that has the same", async () => {
  const clone = await copy();
  const environment = {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: `${system.singularity.url} ${clone.url}`,
  };
  const words = ["dlq", "replay", "--all", "--reason", "test"];
  const refused = await runCommand(words, environment);
  expect(refused).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("have the same id"),
  });
  const named = await runCommand([...words, "--source", place(system.singularity)], environment);
  expect(named.exitCode).toBe(0);
});

test("a capture is neither dropped nor begun anew from a database whose id is another's", async () => {
  await drainAll(system);
  const clone = await copy();
  const environment = environmentOf({ ...system, singularity: clone });
  for (const command of ["drop", "recreate"]) {
    const refused = await runCommand(["cdc", command, "--reason", "test"], environment);
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("sources renew"),
    });
  }
});
