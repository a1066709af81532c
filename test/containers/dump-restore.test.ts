import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import type { StartedTestContainer } from "testcontainers";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { harnessName, type TestDatabase, type TestSystem } from "../support/databases.ts";
import { fullProfileContainer } from "../support/full-profile-container.ts";
import { createLogin } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";

/*
 * A dump has no rights on the database itself, and with `--no-owner --no-privileges` no others either: what
 * `pg_restore` leaves is found by the doctor and repaired by `migrate`.
 */

const password = "a password of this test";
let container: StartedTestContainer;
const opened: pg.Pool[] = [];

beforeAll(async () => {
  const profile = inject("fullProfile");
  if ("missing" in profile) throw new Error(profile.missing);
  container = await fullProfileContainer(profile.image)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(["-c", "fsync=off"])
    .start();
  await migrateAndSchedule("source", urlOf("singularity"), () => {});
  await migrateAndSchedule("central", urlOf("centralcloud"), () => {});
}, 120_000);

afterAll(async () => {
  for (const pool of opened) await pool.end();
  await container?.stop();
});

function urlOf(name: string): string {
  const place = `${container.getHost()}:${container.getMappedPort(5_432)}`;
  return `postgres://postgres:${encodeURIComponent(password)}@${place}/${name}`;
}

function open(name: string): TestDatabase {
  const url = urlOf(name);
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

/** Dumps a database, and restores it beside itself. */
async function restore(name: string, copy: string, options: string): Promise<TestDatabase> {
  const { exitCode, output } = await container.exec([
    "sh",
    "-euc",
    `createdb --username postgres ${copy}
     pg_dump --username postgres --format custom --file /tmp/${copy}.dump ${name}
     pg_restore --username postgres ${options} --dbname ${copy} /tmp/${copy}.dump || true`,
  ]);
  expect(exitCode, output).toBe(0);
  return open(copy);
}

async function driftOf(system: TestSystem): Promise<string[]> {
  const { stdout } = await runCommand(["doctor", "--json"], environmentOf(system));
  const { findings } = JSON.parse(stdout) as {
    findings: { check: string; severity: string; message: string }[];
  };
  return findings
    .filter(({ check, severity }) => /^(drift|ownership)$/.test(check) && severity !== "ok")
    .map(({ message }) => message);
}

describe.each([
  ["as it is", ""],
  ["without owners and privileges", "--no-owner --no-privileges"],
])("restored %s", (name, options) => {
  const suffix = name.replaceAll(" ", "_");
  let system: TestSystem;

  beforeAll(async () => {
    system = {
      singularity: await restore("singularity", `source_${suffix}`, options),
      central: await restore("centralcloud", `central_${suffix}`, options),
    };
  }, 120_000);

  test("what is missing is named, repaired once, and not found again", async () => {
    expect(await driftOf(system)).toEqual(
      expect.arrayContaining([
        `centralcloud_owner lacks create on database ${system.singularity.name}`,
      ]),
    );
    const first = await runCommand(["migrate"], environmentOf(system));
    expect(first.exitCode, first.stderr).toBe(0);
    // Where no role had any right, roles and grants are applied as in a new database.
    expect(first.stdout).toMatch(
      /repaired: centralcloud_owner lacks create on database|SQL objects/,
    );
    expect(await driftOf(system)).toEqual([]);
    const second = await runCommand(["migrate", "--dry-run"], environmentOf(system));
    expect(second.stdout).toMatch(/^(\S+ \S+: up to date\n){2}$/);
  });

  test("its capture can be begun anew then", async () => {
    const login = await createLogin(
      system.singularity.url,
      "replication in role centralcloud_auditor",
    );
    const { exitCode, stderr } = await runCommand(["cdc", "recreate", "--reason", "restored"], {
      SOURCE_DATABASE_URLS: login.urlOf(system.singularity.url),
      CENTRAL_DATABASE_URL: login.urlOf(system.central.url),
      CDC_OUTPUT_PLUGIN: "pgoutput",
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const dropped = await runCommand(["cdc", "drop", "--reason", "the test is over"], {
      ...environmentOf(system),
      CDC_OUTPUT_PLUGIN: "pgoutput",
    });
    expect(dropped.exitCode, dropped.stderr).toBe(0);
  });
});

test("before it is migrated, a capture says which command gives the right that is missing", async () => {
  const source = await restore("singularity", "source_unrepaired", "");
  const login = await createLogin(source.url, "replication in role centralcloud_auditor");
  const { exitCode, stderr } = await runCommand(["cdc", "recreate", "--reason", "restored"], {
    SOURCE_DATABASE_URLS: login.urlOf(source.url),
    CENTRAL_DATABASE_URL: login.urlOf(urlOf("centralcloud")),
    CDC_OUTPUT_PLUGIN: "pgoutput",
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("centralcloud migrate");
});
