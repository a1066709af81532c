import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createConsumer } from "@centralcloud/consumer";
import { createScheduler } from "@centralcloud/scheduler";
import { afterAll, beforeAll, beforeEach, expect, inject, test, vi } from "vitest";
import { prepareForCapture, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { configurationFor, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import {
  hostileDefaults,
  ownDefaults,
  resetDefaults,
  setDefaults,
} from "../support/hostile-defaults.ts";
import { declareJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { runCommand } from "../support/run-command.ts";
import { useSeenSessions } from "../support/seen-sessions.ts";
import { until } from "../support/until.ts";

/* Whatever defaults a database or a role has, each connection of ours has what it relies on. */

const system = useSystem();
const capture = useCapture(system);
failOnLeaks(system);
const seen = useSeenSessions(Object.keys(ownDefaults));
const urls = () => [system.singularity, system.central];

beforeAll(async () => {
  await prepareForCapture(system);
  await declareJob(system.singularity, "idle-job", {
    body: "begin return query select 1; end",
    schedule: "* * * * * *",
  });
});

beforeEach(() => void seen.splice(0));

/** What differs on purpose, by the connection's name. */
const differences: Readonly<Record<string, readonly Record<string, string>[]>> = {
  // In a source, a settled message may be settled again after a crash of the server.
  "centralcloud-consumer": [{}, { synchronous_commit: "off" }],
  // The database drops a leader that is not heard of.
  "centralcloud-scheduler": [{}, { idle_session_timeout: "30s" }],
  // A look at all queues gives up where one is locked.
  "centralcloud-listener": [{ lock_timeout: "1s" }],
};

/** How long a statement may take at the server, which gives up what is waited for no longer: an hour, or less. */
const limits: Readonly<Record<string, readonly string[]>> = {
  "centralcloud-cdc": ["59s", "3599s"],
  "centralcloud-cli": ["16s", "601s", "3599s"],
  "centralcloud-consumer": ["29s"],
  // A preview, and everything else.
  "centralcloud-dlq": ["59s", "3599s"],
  "centralcloud-drain": ["4s"],
  "centralcloud-listener": ["4s"],
  "centralcloud-migrate": ["86399s", "3599s"],
  "centralcloud-scheduler": ["9s", "3599s"],
};

/** Every kind of connection that is opened on the way does its work, and has our settings. */
async function useEveryKind(): Promise<void> {
  const environment = environmentOf(system);
  expect(await runCommand(["migrate"], environment)).toMatchObject({ exitCode: 0 });
  await queuesOf(system).sendBatch("centralcloud-new-patterns", [patternMessage()]);
  expect((await drainAll(system)).report).toMatchObject({ processed: 1, deadLettered: 0 });
  await consume();
  await schedule();
  for (const words of [
    ["doctor"],
    ["doctor", "--fix"],
    ["queues"],
    ["jobs"],
    ["dlq", "list"],
    ["dlq", "replay", "--queue", "centralcloud-new-patterns", "--dry-run"],
    ["cdc", "status"],
    ["sessions", "show", "01JDXW5C5N0000000000000000"],
    ["cdc", "log"],
  ]) {
    // What a command finds is not the question here; that it can ask is.
    const { exitCode, stderr } = await runCommand(words, environment);
    expect({ words, exitCode, stderr }).toEqual({
      words,
      exitCode: expect.toBeOneOf([0, 1, 2]),
      stderr,
    });
  }
  const { exitCode, stdout } = await runCommand(["jobs", "run", "idle-job"], environment);
  expect({ exitCode, run: JSON.parse(stdout) }).toMatchObject({
    exitCode: 0,
    run: { startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), finishedAt: expect.any(String) },
  });
}

async function consume(): Promise<void> {
  const reading = await capture.start();
  await reading.observed("capture-reading");
  await reading.stop(5_000);
  // The second one resumes where the first one was.
  const resumed = await capture.start();
  await resumed.observed("capture-reading");
  const consumer = createConsumer(configurationFor(system), () => {});
  await consumer.start();
  try {
    await until("it is ready", () => consumer.health().working);
    await capture.caughtUp();
    expect(await runCommand(["reconcile"], environmentOf(system))).toMatchObject({ exitCode: 0 });
  } finally {
    await consumer.stop();
    await resumed.stop(5_000);
  }
}

async function schedule(): Promise<void> {
  const observations: Observation[] = [];
  const scheduler = createScheduler(
    { sourceUrls: [system.singularity.url], schedules: {} },
    (observation) => void observations.push(observation),
  );
  await scheduler.start();
  try {
    await until("a job to finish", () =>
      observations.some((one) => one.event === "job-finished" && one.job === "idle-job"),
    );
  } finally {
    await scheduler.stop();
  }
}

function expectOurs(): void {
  const { statement_timeout: _, ...defaults } = ownDefaults;
  for (const { applicationName, isReplication, settings } of seen) {
    const allowed = (differences[applicationName] ?? [{}]).map((difference) => ({
      ...defaults,
      ...difference,
    }));
    const { statement_timeout, ...others } = settings;
    const limit = isReplication ? ["0"] : (limits[applicationName] ?? ["3599s"]);
    expect({ applicationName, isReplication, statement_timeout, ...others }).toEqual({
      applicationName,
      isReplication,
      statement_timeout: expect.toBeOneOf([...limit]),
      ...others,
    });
    expect(others, applicationName).toEqual(expect.toBeOneOf(allowed));
  }
  const names = new Set(seen.map(({ applicationName }) => applicationName));
  expect([...names].sort()).toEqual(expect.arrayContaining([...namesInSources]));
  expect(seen.some(({ isReplication }) => isReplication)).toBe(true);
}

/**
 * Opened only while a database is away, where somebody asks for metrics, and by `actions work`, which runs until a signal
 * ends its process.
 */
const elsewhere = ["centralcloud-probe", "centralcloud-metrics", "centralcloud-actions"];

/** The names of connections in the sources of what the commands above run. */
const namesInSources = new Set(
  ["packages", "apps"].flatMap((folder) => {
    const rooms = readdirSync(new URL(`../../${folder}/`, import.meta.url));
    return rooms
      .filter((room) => !["local", "embedded"].includes(room))
      .map((room) => new URL(`../../${folder}/${room}/src/`, import.meta.url))
      .filter((sources) => existsSync(sources))
      .flatMap((sources) =>
        readdirSync(sources, { recursive: true, encoding: "utf8" })
          .filter((file) => file.endsWith(".ts") && !/(^|\/)maintenance\//.test(file))
          .map((file) => readFileSync(new URL(file, sources), "utf8")),
      )
      .flatMap((text) => [...text.matchAll(/applicationName[:=]\s*"([\w-]+)"/g)])
      .map(([, name = ""]) => name)
      .filter((name) => !elsewhere.includes(name));
  }),
);

test("without hostile defaults", async () => {
  await useEveryKind();
  expectOurs();
});

test("on databases with hostile defaults", async () => {
  for (const database of urls()) await setDefaults(database, hostileDefaults);
  try {
    await useEveryKind();
  } finally {
    for (const database of urls()) await resetDefaults(database);
  }
  expectOurs();
});

test("with a role that has hostile defaults in these databases", async () => {
  const role = decodeURIComponent(new URL(inject("serverUrl")).username);
  const defaults = { ...hostileDefaults, DateStyle: "SQL, DMY" };
  for (const database of urls()) await setDefaults(database, defaults, role);
  try {
    await useEveryKind();
  } finally {
    for (const database of urls()) await resetDefaults(database, role);
  }
  expectOurs();
});

test("with URLs and variables of libpq that would have it otherwise", async () => {
  const before = { ...system };
  vi.stubEnv("PGAPPNAME", "etl");
  vi.stubEnv("PGOPTIONS", "-c datestyle=German -c row_security=on -c idle_session_timeout=1s");
  for (const side of ["singularity", "central"] as const) {
    const url = new URL(system[side].url);
    url.searchParams.set("application_name", "etl");
    url.searchParams.set("fallback_application_name", "etl");
    url.searchParams.set("client_encoding", "LATIN1");
    system[side] = { ...system[side], url: url.href };
  }
  try {
    await useEveryKind();
  } finally {
    Object.assign(system, before);
    vi.unstubAllEnvs();
  }
  expectOurs();
});

afterAll(() => void seen.splice(0));
