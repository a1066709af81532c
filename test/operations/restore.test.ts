import { createDatabase } from "@centralcloud/embedded";
import { afterAll, afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { centralContent } from "../support/central-content.ts";
import { environmentOf, runCommandAlone as runCommand } from "../support/command.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  openTestDatabase,
  type TestDatabase,
} from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { type Operator, seatOperator } from "../support/operator.ts";
import { analyse, countedIn, drainRounds, learn, named, send, sendRound } from "./restored.ts";

// Each command of the page is a process of its own, and a busy machine takes seconds to start one.
vi.setConfig({ testTimeout: 120_000 });

/* A copy of the database (`create database … template`) stands in for its backup: it is byte for byte what it was then. */

let system: { singularity: TestDatabase; central: TestDatabase };
let operator: Operator;
const databases: TestDatabase[] = [];
failOnLeaks();

beforeEach(async () => {
  system = {
    singularity: await createTestDatabase("source"),
    central: await createTestDatabase("central"),
  };
  databases.push(system.singularity, system.central);
  operator = await seatOperator({
    environment: environmentOf(system),
    source: () => system.singularity.pool,
    central: () => system.central.pool,
  });
});
afterEach(async () => {
  await operator.leave();
  for (const database of databases.splice(0)) await dropTestDatabase(database);
});
afterAll(() => expect(databases).toEqual([]));

async function backUp(side: "singularity" | "central"): Promise<TestDatabase> {
  const { name, pool } = system[side];
  await pool.end();
  const copy = `${name}_copy`;
  await createDatabase(inject("serverUrl"), copy, { template: name });
  system = { ...system, [side]: replace(system[side], openTestDatabase(name)) };
  const backup = openTestDatabase(copy);
  databases.push(backup);
  return backup;
}

function replace(old: TestDatabase, renewed: TestDatabase): TestDatabase {
  databases.splice(databases.indexOf(old), 1, renewed);
  return renewed;
}

function restore(side: "singularity" | "central", backup: TestDatabase): void {
  system = { ...system, [side]: backup };
  operator.set(environmentOf(system));
}

/** Follows the section to its end, where it asks the doctor, and gives what the first step put out. */
async function follow(title: "Restore a source" | "Restore the central store"): Promise<string> {
  const steps = operator.follow(title);
  const first = await steps.next();
  // The step for a backup that is older than the ledger, in any case.
  if (title === "Restore a source") await steps.next();
  const last = await steps.next();
  steps.end();
  expect(last).toContain("\n0 errors, ");
  return `${first}${last}`;
}

async function adopt(): Promise<void> {
  expect((await runCommand(["sources", "adopt"], environmentOf(system))).exitCode).toBe(0);
}

test("a restored source: what it holds counts once, what it has not sent yet counts again, and its ids may repeat", async () => {
  await send(system, named("archived before"));
  await drainAll(system);
  await send(system, named("queued then, merged since"));
  await analyse(system, "not learned then");
  const backup = await backUp("singularity");

  await learn(system);
  await send(system, named("sent and merged since"));
  await drainAll(system);
  await send(system, named("sent since, never merged"));
  const lastId = (await queuesOf(system).metrics(patterns)).total;
  expect(lastId).toBe(1);

  restore("singularity", backup);
  // More than were sent since the backup, so that all ids of that time are given out again.
  const fresh = Array.from({ length: 10 }, (_, number) => named(`fresh ${number}`));
  await send(system, ...fresh);
  await learn(system);
  await follow("Restore a source");
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 11, duplicates: 1, deadLettered: 0 });
  expect(await countedIn(system)).toEqual({
    "archived before": 1,
    "queued then, merged since": 1,
    "sent and merged since": 1,
    "not learned then": 2,
    ...Object.fromEntries(fresh.map((_, number) => [`fresh ${number}`, 1])),
  });
  const { rows } = await system.central.pool.query(
    "select msg_id from central.processed_messages group by msg_id having count(*) > 1",
  );
  expect(rows.length, "ids that two messages had").toBeGreaterThan(0);
});

test("a source whose backup is older than the ledger: the step of the page keeps what waits from counting again", async () => {
  const names = ["one", "two", "three"];
  await send(system, ...names.map((name) => named(name)));
  const backup = await backUp("singularity");
  await drainAll(system);
  const { rows } = await system.singularity.pool.query(
    "select source_id as id from singularity_source",
  );
  const forget = async () => {
    await system.central.pool.query(
      "update central.processed_messages set processed_at = processed_at - interval '2 days'",
    );
    await system.central.pool.query("select central.prune_ledger($1, $2, 1000000)", [
      rows[0].id,
      patterns,
    ]);
  };
  await forget();
  restore("singularity", backup);
  await follow("Restore a source");
  expect((await drainAll(system)).report).toMatchObject({ processed: 0, duplicates: 3 });
  expect(await countedIn(system)).toEqual({ one: 1, two: 1, three: 1 });
});

test("without that step it would count again", async () => {
  await send(system, named("one"));
  const backup = await backUp("singularity");
  await drainAll(system);
  await system.central.pool.query("delete from central.processed_messages");
  restore("singularity", backup);
  await adopt();
  await drainAll(system);
  expect(await countedIn(system)).toEqual({ one: 2 });
});

test("a dead letter that was replayed since the backup counts again when it is replayed again", async () => {
  await system.central.pool.query(
    "alter table central.patterns add constraint refused check (pattern ->> 'name' <> 'deadLetter')",
  );
  await send(system, named("deadLetter"));
  await drainAll(system);
  await system.central.pool.query("alter table central.patterns drop constraint refused");
  const backup = await backUp("singularity");
  const replay = async () => {
    const words = ["dlq", "replay", "--all", "--reason", "the constraint is repaired"];
    expect((await runCommand(words, environmentOf(system))).exitCode).toBe(0);
    await drainAll(system);
  };
  await replay();
  expect(await countedIn(system)).toEqual({ deadLetter: 1 });
  restore("singularity", backup);
  await adopt();
  await replay();
  expect(await countedIn(system)).toEqual({ deadLetter: 2 });
});

test("a copy of a source gets an id of its own by the page, and counts only what is its own", async () => {
  await send(system, named("archived before"));
  await drainAll(system);
  await send(system, named("waits at both"));
  const copy = await backUp("singularity");
  await send({ ...system, singularity: copy }, named("of the copy"));
  operator.set({ SOURCE_DATABASE_URLS: `${system.singularity.url} ${copy.url}` });
  const steps = operator.follow("Copy a source");
  await steps.next();
  steps.end();
  const sourceUrls = [system.singularity.url, copy.url];
  expect((await drainAll(system, { sourceUrls })).report).toMatchObject({ processed: 2 });
  expect(await countedIn(system)).toEqual({
    "archived before": 1,
    "waits at both": 1,
    "of the copy": 1,
  });
});

test("a restored central store has the content of the lost one again, byte for byte", async () => {
  await drainRounds(system, 1, 2);
  const backup = await backUp("central");
  const lost = system.central;
  expect(await centralContent(backup.pool)).not.toEqual(await drainRounds(system, 3, 4));
  const waiting = 5;
  await sendRound(system, waiting);

  restore("central", backup);
  const output = await follow("Restore the central store");
  const report = JSON.parse(/^\{.*"processed".*\}$/m.exec(output)?.[0] ?? "{}");
  // Two rounds of 303 messages were in the backup, two more are merged again, and one waited.
  expect(report).toMatchObject({ processed: 909, duplicates: 606, deadLettered: 0 });

  const rebuilt = await centralContent(backup.pool);

  // Here the lost one is still there, and is told of the round that waited; an empty one is told of all.
  const empty = await createTestDatabase("central");
  databases.push(empty);
  for (const other of [lost, empty]) {
    restore("central", other);
    await follow("Restore the central store");
    expect(await centralContent(other.pool)).toEqual(rebuilt);
  }
});
