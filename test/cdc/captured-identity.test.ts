import { createCapture } from "@centralcloud/cdc";
import type { Part } from "@centralcloud/service";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { aliasOf } from "../support/alias.ts";
import { captureDefaults, dropSlots, nobodyReads } from "../support/capture.ts";
import type { TestDatabase } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login } from "../support/logins.ts";
import type { Observation } from "../support/observations.ts";
import { runCommand } from "../support/run-command.ts";
import { useService } from "../support/service.ts";
import { both, idOf, place, useCopies } from "../support/source-copies.ts";
import { until } from "../support/until.ts";

/* Captures without any consumer that would have claimed an id, by the login that a capture has. */

let login: Login;
const captured = new Set<TestDatabase>();
const running: Part[] = [];
failOnLeaks();
beforeEach(async () => {
  login = await createLogin(inject("serverUrl"), "replication in role centralcloud_auditor");
});
// Hooks after a test run in the opposite order.
afterEach(() => dropLogin(inject("serverUrl"), login));
const { system, copy, environment, run } = useCopies();
const services = useService(system);
afterEach(async () => {
  for (const part of running.splice(0)) await part.stop(5_000);
  for (const singularity of captured) await dropSlots({ ...system, singularity });
  captured.clear();
});

async function capture(...databases: readonly TestDatabase[]) {
  const observations: Observation[] = [];
  for (const database of databases) captured.add(database);
  const part = createCapture(
    {
      ...captureDefaults,
      plugin: "pgoutput",
      sourceUrls: databases.map(({ url }) => login.urlOf(url)),
      centralUrl: login.urlOf(system.central.url),
    },
    (observation) => void observations.push(observation),
  );
  running.push(part);
  await part.start();
  const stateOf = (database: TestDatabase) =>
    part.health().find(({ address }) => address === place(database));
  return {
    observations,
    stateOf,
    comesTo: (database: TestDatabase, state: string) =>
      until(`${database.name} is ${state}`, () => {
        const health = stateOf(database);
        return health?.state === state ? health : undefined;
      }),
    stop: () => part.stop(5_000),
  };
}

const write = ({ pool }: TestDatabase, agent: string) =>
  pool.query("insert into agents (agent_id) values ($1)", [agent]);

async function recorded(): Promise<readonly string[]> {
  const { rows } = await system.central.pool.query<{ agent: string }>(
    "select new_values ->> 'agent_id' as agent from central.change_log where table_name = 'agents' order by 1",
  );
  return rows.map(({ agent }) => agent);
}

/** What the doctor says is wrong with identities and captures. */
async function errors(options: Parameters<typeof examine>[1] = {}) {
  const checks = ["identity", "capture-slot"];
  const findings = await examine(system, { ...options, checks });
  return findings.filter(({ severity }) => severity === "error");
}

describe("a copy of a source that nobody consumes", () => {
  test("is refused beside its original, and says why everywhere; the original's changes are captured alone", async () => {
    const original = system.singularity;
    const before = await capture(original);
    await before.comesTo(original, "reading");
    await before.stop();
    running.length = 0;
    const clone = await copyOf();

    const { comesTo, observations } = await capture(clone, system.singularity);
    const { error } = await comesTo(clone, "refused");
    await comesTo(system.singularity, "reading");
    expect(error).toContain(place(system.singularity));
    expect(error).toContain(`centralcloud sources renew --source ${place(clone)}`);
    expect(observations.find(({ event }) => event === "source-refused")).toMatchObject({
      address: place(clone),
      sourceId: await idOf(clone),
    });
    await write(clone, "of the copy");
    await write(system.singularity, "of the original");
    await until("it is recorded", async () => (await recorded()).includes("of the original"));
    expect(await recorded()).toEqual(["of the original"]);

    const status = await runCommand(["cdc", "status", "--json"], environment(clone));
    expect(status.exitCode).toBe(1);
    expect(JSON.parse(status.stdout)).toMatchObject([
      { state: "refused", reason: expect.stringContaining(place(system.singularity)) },
    ]);
    expect(await errors(both(system.singularity, clone))).toMatchObject([
      {
        check: "identity",
        database: expect.stringContaining(clone.name),
        message: expect.stringContaining("nor captured (conflict)"),
      },
    ]);
  });

  test("is refused alone, too, until an operator decides", async () => {
    const before = await capture(system.singularity);
    await before.comesTo(system.singularity, "reading");
    await before.stop();
    running.length = 0;
    const clone = await copyOf();
    const { comesTo, observations } = await capture(clone);
    await comesTo(clone, "refused");
    const cursor = () => system.central.pool.query("select * from central.capture_cursors");
    const { rows } = await cursor();
    await write(clone, "too early");

    const renewed = await run(["renew", "--source", place(clone)], system.singularity, clone);
    expect(renewed.exitCode, renewed.stderr).toBe(0);
    await comesTo(clone, "reading");
    expect(observations).toContainEqual(
      expect.objectContaining({ event: "source-accepted", address: place(clone) }),
    );
    await write(clone, "of its own");
    await until("it is recorded", async () => (await recorded()).length > 0);
    expect(await recorded()).toEqual(["of its own"]);
    // That of the original is as it was.
    expect((await cursor()).rows).toEqual(expect.arrayContaining(rows));
  });

  test("that is adopted has lost what the original's slot would have given, and continues once it begins anew", async () => {
    const before = await capture(system.singularity);
    await before.comesTo(system.singularity, "reading");
    await before.stop();
    running.length = 0;
    const clone = await copyOf();
    const { comesTo } = await capture(clone);
    await comesTo(clone, "refused");
    const adopted = await run(["adopt", "--source", place(clone)], clone);
    expect(adopted.exitCode, adopted.stderr).toBe(0);
    const { error } = await comesTo(clone, "lost");
    expect(error).toContain("cdc recreate");
    const anew = await runCommand(["cdc", "recreate", "--reason", "adopted"], environment(clone));
    expect(anew.exitCode, anew.stderr).toBe(0);
    await comesTo(clone, "reading");
  });

  test("shows in the metrics of a consumer that captures it for others", async () => {
    const before = await capture(system.singularity);
    await before.comesTo(system.singularity, "reading");
    await before.stop();
    running.length = 0;
    const clone = await copyOf();
    const service = await services.start({
      ...both(system.singularity),
      capture: { ...captureDefaults, plugin: "pgoutput", sourceUrls: [clone.url] },
    });
    const value = async () =>
      (await service.scrape()).value("centralcloud_source_refused", { place: place(clone) });
    await until("the copy is refused", async () => (await value()) === 1);
    const state = async () =>
      (await service.scrape()).value("centralcloud_capture_state", {
        source: await idOf(clone),
        state: "refused",
      });
    await until("its state, too", async () => (await state()) === 1);
    // The capture begins beside the sources, and may be done before them.
    await service.ready();
    const report = (await (await service.get("/readyz")).json()) as {
      ready: boolean;
      capture: object;
    };
    expect(report.capture).toMatchObject([{ address: place(clone), state: "refused" }]);
    expect(report.ready).toBe(true);
  });
});

/** Slots keep a database from being copied, and are not copied with it. */
async function copyOf(): Promise<TestDatabase> {
  await nobodyReads(system);
  captured.delete(system.singularity);
  const clone = await copy();
  captured.add(system.singularity).add(clone);
  return clone;
}

test("of two names of one database in a process one is captured, and the other says so", async () => {
  const other = { ...system.singularity, url: aliasOf(system.singularity.url) };
  const { stateOf, comesTo } = await capture(system.singularity, other);
  await until("one is refused", () =>
    [system.singularity, other].some((one) => stateOf(one)?.state === "refused"),
  );
  const refused = stateOf(other)?.state === "refused" ? other : system.singularity;
  const reading = refused === other ? system.singularity : other;
  await comesTo(reading, "reading");
  expect(stateOf(refused)?.error).toContain(
    `is that of ${system.singularity.name} at ${place(reading)}, which is configured, too`,
  );
});

test("what was captured before anybody told the source's server tells whose it is", async () => {
  const { pool } = system.central;
  const before = await capture(system.singularity);
  await before.comesTo(system.singularity, "reading");
  await before.stop();
  running.length = 0;
  // As a version before has left it, which captured another server.
  await pool.query(`update central.capture_cursors set system_id = '7300000000000000002';
    update central.sources set system_id = null, database_oid = null, timeline = null, server_started_at = null, addresses = '{}'`);
  const { comesTo } = await capture(system.singularity);
  const { error } = await comesTo(system.singularity, "refused");
  expect(error).toContain("7300000000000000002");
  expect(await errors()).toMatchObject([
    { check: "identity", message: expect.stringContaining("(moved)") },
  ]);

  const adopted = await run(["adopt", "--source", place(system.singularity)]);
  expect(adopted.exitCode, adopted.stderr).toBe(0);
  const lost = await comesTo(system.singularity, "lost");
  expect(lost.error).toContain("in the write-ahead log of the server 7300000000000000002");
  expect(await errors()).toMatchObject([
    { check: "capture-slot", message: expect.stringContaining("7300000000000000002") },
  ]);
});

test("a capture names the server of a source that nobody knows, and moves no claim that there is", async () => {
  const known = async () =>
    (
      await system.central.pool.query<{ known: Record<string, unknown> }>(
        "select to_jsonb(s) - 'last_seen_at' as known from central.sources s",
      )
    ).rows[0]?.known;
  const first = await capture(system.singularity);
  await first.comesTo(system.singularity, "reading");
  expect(await known()).toMatchObject({
    addresses: [place(system.singularity)],
    database_oid: expect.any(Number),
    system_id: expect.stringMatching(/^\d+$/),
  });
  await first.stop();
  running.length = 0;
  await system.central.pool.query("update central.sources set server_started_at = '2026-01-01Z'");
  const before = await known();
  const second = await capture(system.singularity);
  await second.comesTo(system.singularity, "reading");
  expect(await known()).toEqual(before);
});
