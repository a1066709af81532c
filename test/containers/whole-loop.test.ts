import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  harnessName,
  type TestDatabase,
  urlOf,
} from "../support/databases.ts";
import { addNewKey } from "../support/session-keys.ts";
import { expectTheWholeLoop, loopJobs } from "../support/whole-loop.ts";

/** A database elsewhere than pg_cron's, so that this file has it for itself. */
let singularity: TestDatabase;
let central: TestDatabase;
let cron: pg.Pool;

beforeAll(async () => {
  cron = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: urlOf("singularity"),
    application_name: harnessName,
  });
  singularity = await createTestDatabase();
  central = await createTestDatabase("central");
  await migrateAndSchedule("source", singularity.url, () => {});
});

afterAll(async () => {
  await cron.query(
    "select cron.unschedule(jobid) from cron.job where jobname ~ ('@' || $1 || '$')",
    [singularity.name],
  );
  await cron.end();
  await dropTestDatabase(singularity);
  await dropTestDatabase(central);
});

test("what an application writes reaches the central store by SQL and pg_cron alone", async () => {
  const key = await addNewKey(singularity, "loop-key", { activate: true });
  for (const job of loopJobs) {
    await cron.query(
      "select cron.alter_job(jobid, schedule => '1 seconds') from cron.job where jobname = $1",
      [`${job}@${singularity.name}`],
    );
  }
  await expectTheWholeLoop({ singularity, central }, key);
});
