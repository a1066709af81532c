import { setTimeout as delay } from "node:timers/promises";
import { migrate } from "@centralcloud/db";
import pg from "pg";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  type BaseBackup,
  ChaosServer,
  dropBackup,
} from "../../tools/chaos/servers/chaos-server.ts";
import { centralContent } from "../support/central-content.ts";
import { environmentOf } from "../support/command.ts";
import { archivedIn, drainAll, queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  harnessName,
  type TestSystem,
} from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { type TestService, useService } from "../support/service.ts";
import { until } from "../support/until.ts";

/*
 * A central store on a server of its own, which loses what it told to be committed while a consumer works, or while none
 * does: by a base backup in the place of its data, by a standby that had not everything, by an empty database.
 */

vi.setConfig({ hookTimeout: 60_000 });

/** Of a test: a server is stopped and started, and consumers take their time before they say that all is well. */
const limitMs = 300_000;

const queue = "centralcloud-new-patterns";
const minute = 60_000;
const system = {} as TestSystem;
let server: ChaosServer;
const backups: BaseBackup[] = [];
failOnLeaks();

beforeEach(async () => {
  server = await ChaosServer.create("central", ["centralcloud"]);
  const url = server.urlOf("centralcloud");
  await migrate("central", url, () => {});
  system.central = { name: "centralcloud", url, pool: openPool(url) };
  system.singularity = await createTestDatabase("source");
});
afterEach(async () => {
  for (const running of loads.splice(0)) await running.end();
  for (const backup of backups.splice(0)) await dropBackup(backup);
  await system.central.pool.end();
  await server.remove();
  await dropTestDatabase(system.singularity);
});
const services = useService(system);

function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: url,
    application_name: harnessName,
    max: 2,
  });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

const loads: { end(): Promise<number> }[] = [];

/** Sends messages, each of which has a pattern of its own, until it is ended; says how many it has sent. */
function load() {
  let sent = 0;
  let isEnded = false;
  const queues = queuesOf(system);
  const run = (async () => {
    while (!isEnded) {
      const bodies = Array.from({ length: 50 }, () => patternMessage({ pattern: { n: sent++ } }));
      await queues.sendBatch(queue, bodies);
      await delay(100);
    }
  })();
  const running = {
    async end() {
      isEnded = true;
      await run;
      return sent;
    },
  };
  loads.push(running);
  return running;
}

interface Report {
  readonly missing?: readonly {
    readonly source: string;
    readonly queue: string;
    readonly since: string;
    readonly messages: number;
    readonly isAtLeast: boolean;
  }[];
}

async function reportOf(service: TestService): Promise<Report> {
  return (await (await service.get("/readyz")).json()) as Report;
}

async function archivedUpTo(count: number): Promise<void> {
  await until(
    `${count} messages are archived`,
    async () => (await archivedIn(system, queue)) >= count,
    minute,
  );
}

async function backUp(): Promise<BaseBackup> {
  const backup = await server.backUp();
  backups.push(backup);
  return backup;
}

async function findings() {
  const all = await examine(system);
  return all.filter(({ check }) => check === "store-losses");
}

/** How many archived messages the ledger does not know, found by looking at all of them. */
async function countMissing(): Promise<number> {
  const { rows: archived } = await system.singularity.pool.query<{ key: string }>(
    `select msg_id || ' ' || extract(epoch from enqueued_at) as key from pgmq."a_${queue}"`,
  );
  const { rows: known } = await system.central.pool.query<{ key: string }>(
    "select msg_id || ' ' || extract(epoch from enqueued_at) as key from central.processed_messages",
  );
  const keys = new Set(known.map(({ key }) => key));
  return archived.filter(({ key }) => !keys.has(key)).length;
}

/** Everything says that messages are missing, within a minute from now; returns what the doctor says is to be done. */
async function expectNoticed(service: TestService): Promise<string> {
  const [missing] = await until(
    "readiness says that messages are missing",
    async () => (await reportOf(service)).missing,
    minute,
  );
  expect(missing).toMatchObject({ queue });
  expect(missing?.messages).toBeGreaterThan(0);
  expect((await service.get("/readyz")).status, "it is ready nevertheless").toBe(200);
  const scrape = await service.scrape();
  expect(scrape.value("centralcloud_missing_messages", { queue })).toBeGreaterThan(0);
  const since = scrape.value("centralcloud_missing_since_timestamp_seconds", { queue });
  expect(since).toBeCloseTo(Date.parse(missing?.since ?? "") / 1_000, 0);
  const [finding] = await findings();
  expect(finding).toMatchObject({ severity: "error" });
  expect(finding?.message).toContain(`archived but not in the store since ${missing?.since}`);
  expect(service.observations).toContainEqual(
    expect.objectContaining({ event: "messages-missing", queue }),
  );
  if (finding === undefined || !("remedy" in finding)) throw new Error("it says nothing to do");
  return finding.remedy;
}

/** Does what the doctor says, and expects that nothing is missing then, and that everybody says so. */
async function repair(service: TestService, remedy: string, sent: number): Promise<void> {
  const [, words = ""] = /centralcloud (replay-archive [^;]*?) --reason/.exec(remedy) ?? [];
  const command = [...words.split(" "), "--reason", "the central store lost transactions"];
  expect((await runCommand(command, environmentOf(system))).exitCode).toBe(0);
  await until("all is consumed", () => queuesOf(system).isEmpty(queue), minute);
  await until(
    "nothing is missing any more",
    async () => (await reportOf(service)).missing === undefined,
    2 * minute,
  );
  expect((await service.scrape()).value("centralcloud_missing_messages", { queue })).toBe(0);
  expect(await findings()).toMatchObject([{ severity: "ok" }]);
  await expectWhole(sent);
}

/** The store has each message that was sent once, and so says the ledger. */
async function expectWhole(sent: number): Promise<void> {
  expect(await countMissing()).toBe(0);
  const { rows } = await system.central.pool.query(
    `select count(*)::integer as patterns, sum(observation_count)::integer as observations,
            min((pattern ->> 'n')::integer) as first, max((pattern ->> 'n')::integer) as last
       from central.patterns`,
  );
  expect(rows).toEqual([{ patterns: sent, observations: sent, first: 0, last: sent - 1 }]);
}

/** A store that was made of the archive alone has the same content. */
async function expectRebuiltAlike(): Promise<void> {
  const other = { ...system, central: await createTestDatabase("central") };
  try {
    const words = ["replay-archive", "--all", "--reason", "compared with an empty store"];
    expect((await runCommand(words, environmentOf(other))).exitCode).toBe(0);
    await drainAll(other);
    expect(await centralContent(system.central.pool)).toEqual(
      await centralContent(other.central.pool),
    );
  } finally {
    await dropTestDatabase(other.central);
  }
}

/** A start of the server is noticed, and the archives are compared for it. */
async function expectCompared(service: TestService, epochs: number): Promise<void> {
  await until(
    "a new epoch has begun",
    async () =>
      service.observations.filter(({ event }) => event === "epoch-began").length === epochs,
    minute,
  );
  await until(
    "the archives are compared",
    async () => {
      const { rows } = await system.central.pool.query(
        `select count(*)::integer as compared from central.archive_checks
        where compared_at > (select max(began_at) from central.epochs)`,
      );
      return rows[0].compared === 3;
    },
    minute,
  );
}

test(
  "a base backup that is 15 s old, in the place of the central store, is noticed under load within a minute, and replay-archive repairs it",
  async () => {
    const service = await services.start();
    await service.ready();
    const running = load();
    await archivedUpTo(1_000);
    const backup = await backUp();
    const takenAt = performance.now();
    await until("it is 15 s old", () => performance.now() - takenAt > 15_000, minute);
    await server.stop("fast");
    await server.restore(backup);
    await server.start();
    const remedy = await expectNoticed(service);
    const sent = await running.end();
    await repair(service, remedy, sent);
    await service.stop(2_000);
    await expectRebuiltAlike();
  },
  limitMs,
);

test(
  "a standby that had not everything is noticed when it is promoted in the place of the central store",
  async () => {
    const service = await services.start();
    await service.ready();
    const running = load();
    await archivedUpTo(500);
    const backup = await backUp();
    await archivedUpTo(1_000);
    await server.stop("immediate");
    await server.restore(backup, { standby: true });
    await server.start();
    await system.central.pool.query("select pg_promote()");
    const remedy = await expectNoticed(service);
    const { rows } = await system.central.pool.query(
      "select max(timeline) as timeline from central.epochs",
    );
    expect(rows).toEqual([{ timeline: 2 }]);
    await repair(service, remedy, await running.end());
  },
  limitMs,
);

test(
  "a backup that was swapped in while no consumer ran is noticed by the next one, as is an empty store",
  async () => {
    const first = await services.start();
    await first.ready();
    const running = load();
    await archivedUpTo(500);
    const backup = await backUp();
    // What the backup does not have.
    await archivedUpTo((await archivedIn(system, queue)) + 200);
    const sent = await running.end();
    await until("all is consumed", () => queuesOf(system).isEmpty(queue), minute);
    await first.stop(2_000);
    await server.stop("fast");
    await server.restore(backup);
    await server.start();
    const [finding] = await findings();
    expect(finding).toMatchObject({ severity: "ok" });
    expect(finding?.message).toMatch(/as soon as one works: its server was started anew/);
    const second = await services.start();
    await repair(second, await expectNoticed(second), sent);
    await second.stop(2_000);

    await system.central.pool.query(
      "drop schema central cascade; drop schema centralcloud_migrations cascade",
    );
    await migrate("central", system.central.url, () => {});
    const third = await services.start();
    await repair(third, await expectNoticed(third), sent);
  },
  limitMs,
);

test(
  "a server that is restarted in order, or after a crash, raises nothing, and the comparison comes to its end",
  async () => {
    const service = await services.start({ visibilityTimeoutS: 1 });
    await service.ready();
    await expectCompared(service, 1);
    const running = load();
    await archivedUpTo(500);
    for (const [epochs, mode] of [
      [2, "fast"],
      [3, "immediate"],
    ] as const) {
      await server.stop(mode);
      await server.start();
      await expectCompared(service, epochs);
      await archivedUpTo((await archivedIn(system, queue)) + 500);
    }
    const sent = await running.end();
    await until(
      "nothing is left to compare",
      async () => {
        const { rows } = await system.central.pool.query(
          "select count(from_at)::integer as open from central.archive_checks",
        );
        return rows[0].open === 0;
      },
      2 * minute,
    );
    expect(await reportOf(service)).not.toHaveProperty("missing");
    expect(await reportOf(service)).not.toHaveProperty("uncompared");
    const events = service.observations.map(({ event }) => event);
    expect(events).not.toContain("messages-missing");
    expect(events).not.toContain("archive-uncompared");
    await until("all is consumed", () => queuesOf(system).isEmpty(queue), minute);
    await expectWhole(sent);
  },
  limitMs,
);
