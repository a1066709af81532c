import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import type { StartedTestContainer } from "testcontainers";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { countedIn, drainRounds, named, send } from "../operations/restored.ts";
import { centralContent } from "../support/central-content.ts";
import { environmentOf } from "../support/command.ts";
import { drainAll } from "../support/consumer.ts";
import { harnessName, type TestDatabase, type TestSystem } from "../support/databases.ts";
import { fullProfileContainer } from "../support/full-profile-container.ts";
import { type Operator, seatOperator } from "../support/operator.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* The page's backup by PostgreSQL's own tools, and a second server that is started from it beside the first. */

const password = "a password of this test";
const restoredPort = 5_433;
const backup = "/var/lib/postgresql/backup";

let container: StartedTestContainer;
let operator: Operator;
let live: TestSystem;
let restored: TestSystem;
const opened: pg.Pool[] = [];

beforeAll(async () => {
  const profile = inject("fullProfile");
  if ("missing" in profile) throw new Error(profile.missing);
  container = await fullProfileContainer(profile.image)
    .withExposedPorts(restoredPort)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .start();
  live = openOn(5_432);
  await migrateAndSchedule("source", live.singularity.url, () => {});
  await migrateAndSchedule("central", live.central.url, () => {});
  operator = await seatOperator({
    environment: {},
    source: () => live.singularity.pool,
    central: () => live.central.pool,
    server: shell,
  });
}, 120_000);

afterAll(async () => {
  for (const pool of opened) await pool.end();
  await operator?.leave();
  await container?.stop();
});

async function shell(text: string) {
  const { exitCode, output } = await container.exec(["sh", "-euc", text]);
  return { exitCode, output };
}

function openOn(port: number): TestSystem {
  return { singularity: open(port, "singularity"), central: open(port, "centralcloud") };
}

function open(port: number, name: string): TestDatabase {
  const place = `${container.getHost()}:${container.getMappedPort(port)}`;
  const url = `postgres://postgres:${encodeURIComponent(password)}@${place}/${name}`;
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: url,
    application_name: harnessName,
    max: 2,
  });
  pool.on("error", () => {});
  opened.push(pool);
  return { name, url, pool };
}

async function startRestored(): Promise<TestSystem> {
  const settings = [
    "config_file=/etc/centralcloud/postgresql.conf",
    "cron.database_name=singularity",
    `port=${restoredPort}`,
  ];
  const words = settings.map((setting) => `-c ${setting}`).join(" ");
  const started = await shell(`setsid postgres -D ${backup} ${words} >/tmp/restored.log 2>&1 &`);
  expect(started.exitCode).toBe(0);
  await until("the restored server answers", async () => {
    return (await shell(`pg_isready --quiet --port=${restoredPort}`)).exitCode === 0;
  });
  return openOn(restoredPort);
}

test("a base backup is taken while messages wait, by the page, and verified", async () => {
  await drainRounds(live, 1, 2);
  await send(live, named("queued then, merged since"));
  const steps = operator.follow("Back up");
  expect(await steps.next()).toContain("backup successfully verified");
  steps.end();
  await drainRounds(live, 3);
  restored = await startRestored();
});

test("the central store that is started from it has the content of the lost one again after `replay-archive`", async () => {
  const lost = await centralContent(live.central.pool);
  expect(await centralContent(restored.central.pool)).not.toEqual(lost);
  operator.set({
    SOURCE_DATABASE_URLS: live.singularity.url,
    CENTRAL_DATABASE_URL: restored.central.url,
  });
  const steps = operator.follow("Restore the central store");
  for (let step = 0; step < 2; step++) await steps.next();
  steps.end();
  expect(await centralContent(restored.central.pool)).toEqual(lost);
});

test("the source that is started from it gives a message again that was merged since, and it counts once", async () => {
  const system = { singularity: restored.singularity, central: live.central };
  const adopted = await runCommand(["sources", "adopt"], environmentOf(system));
  expect(adopted.exitCode).toBe(0);
  await send(system, named("after the restore"));
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 1, duplicates: 1, deadLettered: 0 });
  expect(await countedIn(system)).toMatchObject({
    "queued then, merged since": 1,
    "after the restore": 1,
  });
});
