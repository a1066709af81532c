import { createConsumer } from "@centralcloud/consumer";
import type { Side } from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { aliasOf } from "../support/alias.ts";
import { centralContent } from "../support/central-content.ts";
import { configurationFor } from "../support/consumer.ts";
import { copyTestDatabase } from "../support/copied-databases.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  type TestSystem,
} from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { useService } from "../support/service.ts";
import { until } from "../support/until.ts";

const queue = "centralcloud-new-patterns";
const opened: TestDatabase[] = [];
const system = {} as TestSystem;
failOnLeaks();

async function open(side: Side): Promise<TestDatabase> {
  const database = await createTestDatabase(side);
  opened.push(database);
  return database;
}

beforeEach(async () => {
  system.singularity = await open("source");
  system.central = await open("central");
});
const logins: Login[] = [];
const dropAfterwards = async (login: Login) => void logins.push(login);
afterEach(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
  for (const login of logins.splice(0)) await dropLogin(inject("serverUrl"), login);
});

const services = useService(system);

async function copy(suffix?: string): Promise<TestDatabase> {
  const { original, copy } = await copyTestDatabase(system.singularity, suffix);
  opened.splice(opened.indexOf(system.singularity), 1, original, copy);
  system.singularity = original;
  return copy;
}

/** A session that lasts is asked every 15 seconds; a new connection at once. */
async function cutConnections({ pool, name }: TestDatabase): Promise<void> {
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = $1 and application_name in ('centralcloud-consumer', 'centralcloud-listener')`,
    [name],
  );
}

const send = ({ pool }: TestDatabase, bodies: readonly string[], to = queue) =>
  new QueueClient(pool).sendBatch(to, bodies);
const waiting = ({ pool }: TestDatabase) => new QueueClient(pool).isEmpty(queue).then((is) => !is);

const session = (id: string, changes: object = {}) =>
  JSON.stringify({
    agent_id: "a",
    session_id: id,
    session_state: { of: "the victim" },
    synced_at: "2026-01-01T00:00:00Z",
    ...changes,
  });

async function idOf({ pool }: TestDatabase): Promise<string> {
  const { rows } = await pool.query("select source_id from singularity_source");
  return rows[0].source_id;
}

async function knownSources(): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await system.central.pool.query(
    "select source_id, name, database_oid, addresses from central.sources order by first_seen_at",
  );
  return rows;
}

async function readyz(service: { get(path: string): Promise<Response> }) {
  return (await (await service.get("/readyz")).json()) as {
    ready: boolean;
    sources: { name: string; waitingFor?: string; refused?: string }[];
  };
}

const place = ({ url }: TestDatabase) => new URL(url).host + new URL(url).pathname;

const both = (...databases: readonly TestDatabase[]) => ({
  sourceUrls: databases.map(({ url }) => url),
});

describe("a copy that is configured beside its original", () => {
  test("waits and says why everywhere, while the original continues as if it were not there", async () => {
    await send(system.singularity, [patternMessage()]);
    await send(system.singularity, [session("s")], "agent-sessions");
    const clone = await copy();
    const honest = await open("source");
    const first = await services.start(both(system.singularity, honest));
    await first.ready();
    await until("the original is consumed", async () => {
      const { rows } = await system.central.pool.query("select from central.agent_sessions");
      return !(await waiting(system.singularity)) && rows.length === 1;
    });
    await first.stop(2_000);
    const before = {
      content: await centralContent(system.central.pool),
      known: await knownSources(),
    };

    await clone.pool.query("update singularity_source set name = 'I am the original'");
    const later = session("s", { synced_at: "2027-01-01T00:00:00Z", session_state: { of: "me" } });
    await send(clone, [later], "agent-sessions");
    const service = await services.start(both(clone, system.singularity, honest));
    const report = await until("the copy is refused", async () => {
      const { sources } = await readyz(service);
      const refused = sources.find(({ name }) => name === place(clone));
      const others = sources.filter((one) => one !== refused);
      const work = others.every(({ waitingFor }) => waitingFor === undefined);
      return refused?.refused !== undefined && work ? refused : undefined;
    });
    expect(report.refused).toBe("conflict");
    expect(report.waitingFor).toContain(place(system.singularity));
    expect(report.waitingFor).toContain(`centralcloud sources renew --source ${place(clone)}`);
    expect((await readyz(service)).ready).toBe(true);

    await send(system.singularity, [patternMessage()]);
    await send(honest, [patternMessage()]);
    await until("both others are consumed", async () => {
      return !(await waiting(system.singularity)) && !(await waiting(honest));
    });
    const scrape = await service.scrape();
    expect(scrape.value("centralcloud_source_refused", { place: place(clone) })).toBe(1);
    expect(scrape.value("centralcloud_source_refused", { place: place(honest) })).toBe(0);
    const events = service.observations.filter(({ event }) => event === "source-refused");
    expect(events[0]).toMatchObject({ address: place(clone), state: "conflict" });
    // The figures of the copy do not stand in for the original's.
    const id = await idOf(system.singularity);
    const depths = await until("all are looked at", async () => {
      const { samples } = await service.scrape();
      const found = samples.filter(
        ({ name, labels }) => name === "centralcloud_queue_messages" && labels.queue === queue,
      );
      return found.length === 3 ? found : undefined;
    });
    expect(depths.find(({ labels }) => labels.source === id)?.value).toBe(0);
    expect(depths.find(({ labels }) => labels.source === place(clone))?.value).toBe(1);

    const findings = await examine(system, both(system.singularity, clone));
    expect(
      findings.filter(({ check, severity }) => check === "identity" && severity === "error"),
    ).toMatchObject([
      {
        database: `source ${place(clone)}`,
        message: expect.stringContaining("it is not consumed, nor captured (conflict)"),
        remedy: expect.stringContaining("centralcloud sources renew"),
      },
    ]);

    expect(await knownSources()).toEqual(before.known);
    const after = await centralContent(system.central.pool);
    expect(after.agent_sessions).toEqual(before.content.agent_sessions);
    expect(await waiting(clone)).toBe(true);
  });

  test("waits also where nobody has configured the original: its id is known from another database", async () => {
    const clone = await copy();
    const first = await services.start();
    await first.ready();
    await first.stop(2_000);
    await send(clone, [patternMessage()]);
    const service = await services.start(both(clone));
    const refused = await until("it is refused", async () => {
      return (await readyz(service)).sources.find((source) => source.refused !== undefined);
    });
    expect(refused.refused).toBe("moved");
    expect(await waiting(clone)).toBe(true);
  });

  test("of two that nobody knows, the first has the id, whichever replica asks for it", async () => {
    const clone = await copy();
    await send(system.singularity, [patternMessage()]);
    await send(clone, [patternMessage()]);
    const started = await Promise.all(
      [both(system.singularity), both(clone), both(system.singularity, clone)].map((changes) =>
        services.start(changes),
      ),
    );
    await until("each replica has decided", async () => {
      const reports = await Promise.all(started.map(readyz));
      const all = reports.flatMap(({ sources }) => sources);
      return all.every(({ waitingFor, refused }) => waitingFor === undefined || refused);
    });
    const reports = (await Promise.all(started.map(readyz))).flatMap(({ sources }) => sources);
    expect(reports.filter(({ refused }) => refused === undefined)).toHaveLength(2);
    expect(reports.filter(({ refused }) => refused !== undefined)).toHaveLength(2);
    await until("the one that has it is consumed", async () => {
      return (await waiting(system.singularity)) !== (await waiting(clone));
    });
    expect(await knownSources()).toHaveLength(1);
  });
});

describe("a source that takes another's id", () => {
  test("overwrites nothing of it: no session, no name, no ledger", async () => {
    const hostile = await open("source");
    await send(system.singularity, [session("s")], "agent-sessions");
    const service = await services.start(both(system.singularity, hostile));
    await service.ready();
    await until("the session is there", async () => {
      const { rows } = await system.central.pool.query("select from central.agent_sessions");
      return rows.length === 1;
    });
    const before = await centralContent(system.central.pool);
    const known = await knownSources();
    // While its lanes run: what it sends still counts as its own.
    await hostile.pool.query("update singularity_source set source_id = $1, name = 'x'", [
      await idOf(system.singularity),
    ]);
    const mine = session("s", { synced_at: "2028-01-01T00:00:00Z", session_state: { of: "me" } });
    await send(hostile, [mine], "agent-sessions");
    await cutConnections(hostile);
    await until("it is refused", async () => {
      return (await readyz(service)).sources.some(({ refused }) => refused === "conflict");
    });
    await send(hostile, [session("s2", { synced_at: "2028-01-01T00:00:00Z" })], "agent-sessions");
    await send(system.singularity, [session("s3")], "agent-sessions");
    await until("the victim's is there", async () => {
      const { rows } = await system.central.pool.query(
        "select from central.agent_sessions where session_id = 's3'",
      );
      return rows.length === 1;
    });
    const { rows } = await system.central.pool.query(
      "select session_id, session_state from central.agent_sessions where source_id = $1 order by 1",
      [await idOf(system.singularity)],
    );
    expect(rows).toEqual([
      { session_id: "s", session_state: { of: "the victim" } },
      { session_id: "s3", session_state: { of: "the victim" } },
    ]);
    expect(await knownSources()).toEqual(known);
    expect(before.agent_sessions).toHaveLength(1);
  });

  test("and gets its own back, is consumed again by itself", async () => {
    const other = await open("source");
    const service = await services.start(both(system.singularity, other));
    await service.ready();
    const own = await idOf(other);
    await other.pool.query("update singularity_source set source_id = $1", [
      await idOf(system.singularity),
    ]);
    await cutConnections(other);
    await until("it is refused", async () => {
      return (await readyz(service)).sources.some(({ refused }) => refused !== undefined);
    });
    await other.pool.query("update singularity_source set source_id = $1", [own]);
    await service.ready();
    const events = service.observations.map(({ event }) => event);
    expect(events).toContain("source-accepted");
    await send(other, [patternMessage()]);
    await until("it is consumed", async () => !(await waiting(other)));
  });
});

describe("one server under several names", () => {
  test("is the same source for each replica", async () => {
    const alias = {
      ...system.singularity,
      url: aliasOf(system.singularity.url),
    };
    const one = await services.start();
    await one.ready();
    const other = await services.start(both(alias));
    await other.ready();
    const [known] = await knownSources();
    expect(known?.addresses).toEqual([place(system.singularity), place(alias)]);
  });

  test("is one source in a process, too: the second name waits", async () => {
    const alias = {
      ...system.singularity,
      url: aliasOf(system.singularity.url),
    };
    const service = await services.start(both(system.singularity, alias));
    const report = await until("one is refused", async () => {
      const { sources } = await readyz(service);
      const works = sources.some(({ waitingFor }) => waitingFor === undefined);
      return works ? sources.find(({ refused }) => refused !== undefined) : undefined;
    });
    expect(report.waitingFor).toContain("which is configured, too");
  });
});

test("a server that tells no system identifier is known by its address, and the doctor says so", async () => {
  const { pool } = system.singularity;
  await pool.query("revoke execute on function pg_control_system() from public");
  const login = await createLogin(inject("serverUrl"), "in role centralcloud_consumer");
  try {
    const changes = { sourceUrls: [login.urlOf(system.singularity.url)] };
    const service = await services.start(changes);
    await service.ready();
    await service.stop(2_000);
    const { rows } = await system.central.pool.query(
      "select system_id, addresses from central.sources",
    );
    expect(rows).toEqual([{ system_id: null, addresses: [place(system.singularity)] }]);
    const findings = await examine(system, changes);
    expect(findings.find(({ check }) => check === "identity")).toMatchObject({
      severity: "ok",
      message: expect.stringContaining("tells no system identifier"),
    });
    // Restarted, and reached by another name: nothing says that it is the same server.
    await system.central.pool.query("update central.sources set server_started_at = now()");
    const alias = { sourceUrls: changes.sourceUrls.map(aliasOf) };
    const again = await services.start(alias);
    await until("it is refused", async () => (await readyz(again)).sources[0]?.refused === "moved");
    await again.stop(2_000);
    await (await services.start(changes)).ready();
  } finally {
    await dropAfterwards(login);
  }
});

test("a source that an older version has registered is taken at first contact, and only then known by its server", async () => {
  const id = await idOf(system.singularity);
  await system.central.pool.query("select central.register_source($1, 'older')", [id]);
  expect(await knownSources()).toMatchObject([{ name: "older", database_oid: null }]);
  const observations: Observation[] = [];
  const consumer = createConsumer(configurationFor(system), (one) => void observations.push(one));
  await consumer.start();
  await until("it works", () => consumer.health().working);
  await consumer.stop();
  expect(await knownSources()).toMatchObject([
    { name: system.singularity.name, addresses: [place(system.singularity)] },
  ]);
  // A consumer of the version before does not rename it any more.
  await system.central.pool.query("select central.register_source($1, 'somebody else')", [id]);
  expect(await knownSources()).toMatchObject([{ name: system.singularity.name }]);
});

test("a name of more than 200 characters is refused at the source, and cut where an older consumer brings it", async () => {
  await expect(
    system.singularity.pool.query("update singularity_source set name = repeat('x', 201)"),
  ).rejects.toThrow("name_is_not_too_long");
  await system.singularity.pool.query("update singularity_source set name = repeat('ä', 200)");
  const id = await idOf(system.singularity);
  await system.central.pool.query("select central.register_source($1, repeat('ä', 1000000))", [id]);
  expect(await knownSources()).toMatchObject([{ name: "ä".repeat(200) }]);
  await (await services.start()).ready();
});
