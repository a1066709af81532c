import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@centralcloud/embedded";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type RunningCommand, startCommand } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { harnessName, type TestDatabase, type TestSystem } from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { patternMessage } from "../support/messages.ts";
import { sectionsOf } from "../support/operations-page.ts";
import { type Operator, seatOperator } from "../support/operator.ts";
import { until } from "../support/until.ts";
import { untilListed } from "../support/until-listed.ts";

// Each command of the page is a process of its own, and a busy machine takes seconds to start one.
vi.setConfig({ testTimeout: 120_000 });

/* One installation from its first day on, by the page alone. Each test finds what the one before it left. */

let server: EmbeddedPostgres;
let system: TestSystem;
let operator: Operator;
const consumers: RunningCommand[] = [];

beforeAll(async () => {
  server = await startEmbeddedPostgres({ durable: false, settings: { shared_buffers: "32MB" } });
  system = { singularity: open("singularity"), central: open("centralcloud") };
  operator = await seatOperator({
    environment: {
      SOURCE_DATABASE_URLS: system.singularity.url,
      CENTRAL_DATABASE_URL: system.central.url,
    },
    source: () => system.singularity.pool,
    central: () => system.central.pool,
  });
  operator.set({ SESSION_PRIVATE_KEYS_FILE: join(operator.folder, "key-ring.json") });
});

afterAll(async () => {
  for (const { child, finished } of consumers) {
    child.kill("SIGKILL");
    await finished;
  }
  await system.singularity.pool.end();
  await system.central.pool.end();
  await operator.leave();
  await server.stop();
});

function open(name: string): TestDatabase {
  const url = server.urlOf(name);
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: url,
    application_name: harnessName,
    max: 2,
  });
  pool.on("error", () => {});
  return { name, url, pool };
}

/** A consumer that logs in as what step 2 of the installation made, ready. */
async function startConsumer(): Promise<RunningCommand> {
  const urlOf = (url: string) => {
    const changed = new URL(url);
    changed.username = "consumer_1";
    changed.password = "secret";
    return changed.href;
  };
  const command = startCommand(["consume"], {
    SOURCE_DATABASE_URLS: urlOf(system.singularity.url),
    CENTRAL_DATABASE_URL: urlOf(system.central.url),
    SESSION_PRIVATE_KEYS_FILE: join(operator.folder, "key-ring.json"),
    CONSUMER_HTTP_PORT: "0",
  });
  consumers.push(command);
  const port = await until("its port", () => /"detail":"port (\d+)"/.exec(command.output())?.[1]);
  const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  await until("it is ready", ready);
  return command;
}

async function stopConsumers(): Promise<void> {
  for (const { child, finished } of consumers.splice(0)) {
    child.kill("SIGTERM");
    expect((await finished).exitCode).toBe(0);
  }
}

async function sealedFor(sessionId: string): Promise<string | undefined> {
  const { rows } = await system.central.pool.query<{ key: string }>(
    "select sealed ->> 'key_id' as key from central.agent_sessions where session_id = $1",
    [sessionId],
  );
  return rows[0]?.key;
}

async function writeSession(): Promise<string> {
  const { rows } = await system.singularity.pool.query<{ id: string }>(
    `insert into agent_sessions (agent_id, state) values ('agent-1', '{"step":1}') returning id::text`,
  );
  return rows[0]?.id ?? "";
}

test("install: from two empty databases to a session that arrives sealed", async () => {
  const steps = operator.follow("Install by hand");
  await steps.next();
  await steps.next();
  await system.singularity.pool.query("alter role consumer_1 password 'secret'");
  await steps.next();
  await startConsumer();
  await steps.next();
  steps.end();
  await system.singularity.pool.query("insert into agents (agent_id) values ('agent-1')");
  const session = await writeSession();
  await until("the session has arrived", async () => (await sealedFor(session)) === "2026-11");
});

test("upgrade: migrating does not disturb the consumer, and the version in use is seen", async () => {
  const steps = operator.follow("Upgrade a running system");
  await untilListed(system.central.pool, 1);
  expect(await steps.next()).toMatch(/source .*: up to date\ncentral .*: up to date/);
  const { version } = JSON.parse(
    await readFile(new URL("../../apps/consumer/package.json", import.meta.url), "utf8"),
  );
  expect(JSON.parse(await steps.next())).toEqual([{ version, count: "1" }]);
  await steps.next();
  // As the migration of an older source leaves it.
  await system.singularity.pool.query("update session_keys set binds = false");
  expect(await steps.next()).toContain("seals name their session from now on");
  steps.end();
});

test("scale: a replica is listed when it is ready, and no more after SIGTERM", async () => {
  const steps = operator.follow("Add or remove a replica");
  const added = await startConsumer();
  await untilListed(system.central.pool, 2);
  expect(JSON.parse(await steps.next())).toMatchObject([{ lives: true }, { lives: true }]);
  steps.end();
  added.child.kill("SIGTERM");
  expect((await added.finished).exitCode).toBe(0);
  consumers.splice(consumers.indexOf(added), 1);
  const again = operator.follow("Add or remove a replica");
  expect(JSON.parse(await again.next())).toHaveLength(1);
});

test("rotate: sessions of both keys arrive, and it is seen which keys the store needs", async () => {
  const steps = operator.follow("Rotate the session key");
  await steps.next();
  await stopConsumers();
  await startConsumer();
  await steps.next();
  const before = await writeSession();
  await steps.next();
  const after = await writeSession();
  await until("the new one has arrived", async () => (await sealedFor(after)) === "2026-12");
  await until("the old one, too", async () => (await sealedFor(before)) === "2026-11");
  expect(JSON.parse(await steps.next())).toEqual(
    expect.arrayContaining([
      { key_id: "2026-11", session_count: "2" },
      { key_id: "2026-12", session_count: "1" },
    ]),
  );
  steps.end();
  expect(await queuesOf(system).metrics("agent-sessions-dlq")).toMatchObject({ total: 0 });
});

test("dead letters: what was refused by mistake is merged, what is wrong is kept aside", async () => {
  const { central } = system;
  await central.pool.query(
    "alter table central.patterns add constraint no_mistake check (not pattern ? 'mistake')",
  );
  const refused = patternMessage({ pattern: { mistake: "of the constraint" } });
  const wrong = patternMessage({ pattern: { wrong: true }, confidence: 7 });
  await queuesOf(system).sendBatch(patterns, [refused, wrong, patternMessage()]);
  const dead = async () => (await queuesOf(system).metrics(`${patterns}-dlq`)).total;
  await until("both are dead", async () => (await dead()) === 2);

  const steps = operator.follow("Inspect and replay dead letters");
  const groups = await steps.next();
  expect(groups).toContain("1 × rejected");
  expect(groups).toContain("1 × invalid");
  await steps.next();
  const exported = await readFile(join(operator.folder, "dead-letters.jsonl"), "utf8");
  expect(exported.trim().split("\n")).toHaveLength(1);
  await central.pool.query("alter table central.patterns drop constraint no_mistake");
  expect(await steps.next()).toMatch(/1 dead letter[\s\S]*replayed 1 dead letter/);
  expect(await steps.next()).toContain("discarded 1 dead letter");
  expect(JSON.parse(await steps.next())).toMatchObject([
    { action: "reveal", reason: "an export", message_count: 0, ended: true },
    { action: "replay", reason: "the constraint is repaired", message_count: 1, ended: true },
    { action: "discard", reason: "sent again by producer 2.2", message_count: 1, ended: true },
  ]);
  steps.end();
  await until("it is merged", async () => {
    const { rows } = await central.pool.query(
      "select from central.patterns where pattern ? 'mistake' and observation_count = 1",
    );
    return rows.length === 1;
  });
  expect(await dead()).toBe(0);
  await stopConsumers();
});

test("there is a test for every procedure of the page", () => {
  expect(sectionsOf("Procedures")).toEqual([
    // above
    "Install by hand",
    "Upgrade a running system",
    "Add or remove a replica",
    "Rotate the session key",
    "Inspect and replay dead letters",
    // restore.test.ts, and containers/base-backup.test.ts
    "Back up",
    "Restore a source",
    "Copy a source",
    // failover.test.ts
    "Fail over to a standby",
    // restore.test.ts
    "Restore the central store",
  ]);
});
