import { createCapture } from "@centralcloud/cdc";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import type { Part } from "@centralcloud/service";
import pg from "pg";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  type BaseBackup,
  ChaosServer,
  dropBackup,
} from "../../tools/chaos/servers/chaos-server.ts";
import { captureDefaults } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { drainAll } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  harnessName,
  type TestDatabase,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let primary: ChaosServer;
let standby: ChaosServer;
let backup: BaseBackup;
let central: TestDatabase;
let capture: Part | undefined;
failOnLeaks();

const urlOf = (server: ChaosServer) => server.urlOf("singularity");
const place = (server: ChaosServer) => `127.0.0.1:${server.port}/singularity`;

async function queryOn(server: ChaosServer, statement: string) {
  const client = new pg.Client({
    connectionString: urlOf(server),
    application_name: harnessName,
  });
  await client.connect();
  return await client.query(statement).finally(() => client.end());
}

beforeEach(async () => {
  central = await createTestDatabase("central");
  primary = await ChaosServer.create("primary", ["singularity"]);
  await migrateAndSchedule("source", urlOf(primary), () => {});
  backup = await primary.backUp();
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: urlOf(primary),
    application_name: harnessName,
  });
  await drainAll({ singularity: { name: "singularity", url: urlOf(primary), pool }, central });
  await pool.end();
  standby = await ChaosServer.createFrom("standby", backup, { standby: true });
  await primary.stop("fast");
  await queryOn(standby, "select pg_promote()");
  await until("it is promoted", async () => {
    const { rows } = await queryOn(standby, "select pg_is_in_recovery() as is");
    return !rows[0].is;
  });
});
afterEach(async () => {
  await capture?.stop(5_000);
  await primary.remove();
  await standby.remove();
  await dropBackup(backup);
  await dropTestDatabase(central);
});

test("a capture continues at the promoted standby although the old primary, which is away, is configured, too; and claims nothing", async () => {
  const before = await central.pool.query(
    "select to_jsonb(s) - 'last_seen_at' as known from central.sources s",
  );
  const observations: Observation[] = [];
  capture = createCapture(
    {
      sourceUrls: [urlOf(primary), urlOf(standby)],
      centralUrl: central.url,
      ...captureDefaults,
    },
    (observation) => void observations.push(observation),
  );
  await capture.start();
  await until("the standby is captured", () =>
    observations.some(({ event }) => event === "capture-reading"),
  );
  const after = await central.pool.query(
    "select to_jsonb(s) - 'last_seen_at' as known from central.sources s",
  );
  expect(after.rows).toEqual(before.rows);
});

test("commands of the capture continue there, too", async () => {
  const environment = {
    ...environmentOf({
      singularity: { ...central, url: urlOf(standby) },
      central,
    }),
    SOURCE_DATABASE_URLS: `${urlOf(primary)} ${urlOf(standby)}`,
  };
  const words = ["cdc", "recreate", "--source", place(standby), "--reason", "failed over"];
  expect((await runCommand(words, environment)).exitCode).toBe(0);
});
