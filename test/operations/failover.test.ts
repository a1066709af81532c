import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  type BaseBackup,
  ChaosServer,
  dropBackup,
} from "../../tools/chaos/servers/chaos-server.ts";
import { environmentOf } from "../support/command.ts";
import { drainAll } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  harnessName,
  type TestDatabase,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { seatOperator } from "../support/operator.ts";
import { until } from "../support/until.ts";
import { countedIn, named, send } from "./restored.ts";

// Each command of the page is a process of its own, and a busy machine takes seconds to start one.
vi.setConfig({ testTimeout: 120_000 });

let primary: ChaosServer;
let standby: ChaosServer;
let backup: BaseBackup;
let central: TestDatabase;
failOnLeaks();

beforeAll(async () => {
  central = await createTestDatabase("central");
  primary = await ChaosServer.create("primary", ["singularity"]);
  await migrateAndSchedule("source", primary.urlOf("singularity"), () => {});
}, 60_000);
afterAll(async () => {
  await primary.remove();
  await standby?.remove();
  await dropBackup(backup);
  await dropTestDatabase(central);
});

function systemOn(server: ChaosServer) {
  const url = server.urlOf("singularity");
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: url,
    application_name: harnessName,
    max: 2,
  });
  pool.on("error", () => {});
  return { singularity: { name: "singularity", url, pool }, central };
}

test("a promoted standby is the source by itself, and what it had waiting counts once", async () => {
  const before = systemOn(primary);
  await send(before, named("merged, then failed over"));
  backup = await primary.backUp();
  await drainAll(before);
  await before.singularity.pool.end();
  standby = await ChaosServer.createFrom("standby", backup, { standby: true });
  await primary.stop("fast");
  const after = systemOn(standby);
  await after.singularity.pool.query("select pg_promote()");
  await until("it is promoted", async () => {
    const { rows } = await after.singularity.pool.query("select pg_is_in_recovery() as is");
    return !rows[0].is;
  });
  const operator = await seatOperator({
    environment: environmentOf(after),
    source: () => after.singularity.pool,
    central: () => central.pool,
  });
  const steps = operator.follow("Fail over to a standby");
  await steps.next();
  steps.end();
  await operator.leave();
  await send(after, named("sent since"));
  expect((await drainAll(after)).report).toMatchObject({ processed: 1, duplicates: 1 });
  expect(await countedIn(after)).toEqual({ "merged, then failed over": 1, "sent since": 1 });
  await after.singularity.pool.end();
});
