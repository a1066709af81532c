import { createCapture } from "@centralcloud/cdc";
import { QueueClient } from "@centralcloud/queue";
import { createScheduler } from "@centralcloud/scheduler";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { captureDefaults, dropSlots, pluginHere, prepareForCapture } from "../support/capture.ts";
import { environmentOf, startCommand } from "../support/command.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { putDeadLetter } from "../support/dead-letters.ts";
import { functionBodies, type PoisonedBody, poisonFunctions } from "../support/hostile-source.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login, openAs } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/*
 * Whoever owns a source gives other bodies to all functions that we call there, and to those that run when we write. The
 * tables stay what they are, so that everything of ours begins its work. Beside it, a good source is worked on as before.
 */

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
let owner: Login;
let hostile: TestDatabase;
let deadLetter = "";
beforeAll(async () => {
  owner = await createLogin(inject("serverUrl"), "superuser");
  deadLetter = await putDeadLetter(system.singularity);
  await prepareForCapture(system);
});
afterAll(() => dropLogin(inject("serverUrl"), owner));

const kinds = Object.keys(functionBodies) as PoisonedBody[];

describe.each(kinds)("functions that do %s", (kind) => {
  beforeEach(async () => {
    hostile = await createTestDatabase("source");
    await prepareForCapture({ ...system, singularity: hostile });
    await new QueueClient(hostile.pool).sendBatch(queue, [patternMessage(), "{}"]);
    await declareJob(hostile, "hostile-job", {
      body: "begin return; end",
      schedule: "* * * * * *",
    });
    const { pool } = openAs(owner, hostile);
    expect(await poisonFunctions(pool, kind)).toBeGreaterThan(40);
    await pool.end();
  });
  afterEach(async () => {
    await dropSlots({ ...system, singularity: hostile });
    await dropSlots(system);
    await system.central.pool.query(
      "delete from central.capture_cursors; delete from central.change_log",
    );
    await dropTestDatabase(hostile);
  });

  const both = () => {
    const environment = environmentOf(system);
    return {
      ...environment,
      SOURCE_DATABASE_URLS: `${hostile.url} ${environment.SOURCE_DATABASE_URLS}`,
    };
  };

  test("keep no command from showing what the good source has", async () => {
    const commands: readonly (readonly [words: readonly string[], shown: string])[] = [
      [["queues"], system.singularity.name],
      [["jobs"], system.singularity.name],
      [["keys", "list"], ""],
      [["dlq", "list"], system.singularity.name],
      [["dlq", "show", deadLetter, "--source", system.singularity.name], "history"],
      [["cdc", "status"], system.singularity.name],
      [["sources", "list"], system.singularity.name],
      [["doctor"], system.singularity.name],
    ];
    const outcomes = commands.map(async ([words, shown]) => {
      const startedAt = performance.now();
      const limit = words[0] === "doctor" ? [] : ["--timeout", "3s"];
      const { exitCode, stdout, stderr } = await runCommand([...words, ...limit], both());
      expect(exitCode, stderr).toBeOneOf([0, 1, 3]);
      expect(`${stdout}${stderr}`, words.join(" ")).toContain(shown);
      expect(performance.now() - startedAt, words.join(" ")).toBeLessThan(45_000);
      for (const character of ["\u001b", "\u202e", "\r"]) {
        expect(`${stdout}${stderr}`).not.toContain(character);
      }
    });
    await Promise.all(outcomes);
  }, 90_000);

  test("keep no consumer from the good source, which stays small and ends in time", async () => {
    const consumer = startCommand(["consume"], both());
    try {
      const queues = new QueueClient(system.singularity.pool);
      for (let round = 0; round < 5; round++) {
        await queues.sendBatch(queue, [patternMessage()]);
        await until("it is consumed", () => queues.isEmpty(queue), 20_000);
      }
      for (const line of consumer.output().split("\n")) {
        expect(line.length).toBeLessThanOrEqual(16_384);
      }
    } finally {
      consumer.child.kill("SIGTERM");
      expect((await consumer.finished).exitCode).toBe(0);
    }
  }, 90_000);

  test("keep neither the scheduler nor the capture from the good source", async () => {
    await declareJob(system.singularity, "good-job", {
      body: "begin return query select 7; end",
      schedule: "* * * * * *",
    });
    const sourceUrls = [hostile.url, system.singularity.url];
    const observations: Observation[] = [];
    const observe = (observation: Observation) => void observations.push(observation);
    const plugin = pluginHere;
    const centralUrl = system.central.url;
    const parts = [
      createScheduler({ sourceUrls }, observe),
      createCapture({ ...captureDefaults, plugin, sourceUrls, centralUrl }, observe),
    ];
    for (const part of parts) await part.start();
    try {
      const { name } = system.singularity;
      await until("the good job runs", () =>
        observations.some((one) => one.event === "job-finished" && one.source === name),
      );
      await until("the good source is captured", () =>
        observations.some((one) => one.event === "capture-reading" && one.source === name),
      );
      expect(
        observations.some((one) => one.event === "capture-fault" && one.side === "central"),
      ).toBe(false);
    } finally {
      for (const part of parts) await part.stop(2_000);
      await system.singularity.pool.query("delete from scheduled_jobs where job_name = 'good-job'");
    }
  }, 90_000);
});
