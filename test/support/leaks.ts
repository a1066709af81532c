import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect } from "vitest";
import { harnessName, type TestSystem } from "./databases.ts";

/** Kinds of things that keep a process alive, and that a test must not leave behind. */
const kinds = ["Timeout", "Immediate", "TCPServerWrap", "ProcessWrap", "FSReqPromise"];
const patienceMs = 3_000;

/**
 * Fails each test of the calling file that leaves behind a timer, a listening socket, a child
 * process, a signal handler or a database connection.
 */
export function failOnLeaks(system?: TestSystem): void {
  let before: Counts = {};
  beforeEach(() => {
    before = countResources();
  });
  afterEach(async () => {
    await expectNothing(() => Promise.resolve(excess(before, countResources())));
    if (system !== undefined) await expectNothing(() => connectionsOf(system));
  });
}

type Counts = Readonly<Record<string, number>>;

function countResources(): Counts {
  const resources = process.getActiveResourcesInfo();
  const signals = ["SIGTERM", "SIGINT", "uncaughtException", "unhandledRejection", "exit"];
  return Object.fromEntries([
    ...kinds.map((kind) => [kind, resources.filter((name) => name === kind).length]),
    ...signals.map((name) => [`${name} listener`, process.listenerCount(name)]),
  ]);
}

function excess(before: Counts, after: Counts): string[] {
  return Object.keys(after).filter((key) => (after[key] ?? 0) > (before[key] ?? 0));
}

async function connectionsOf({ singularity, central }: TestSystem): Promise<string[]> {
  const { rows } = await singularity.pool.query<{ name: string }>(
    `select 'connection of ' || application_name as name from pg_stat_activity
      where datname = any ($1) and application_name <> $2 and backend_type = 'client backend'`,
    [[singularity.name, central.name], harnessName],
  );
  return rows.map((row) => row.name);
}

/** A closed socket takes a moment to disappear; what is still there after it is a leak. */
async function expectNothing(leaks: () => Promise<string[]>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while ((await leaks()).length > 0 && performance.now() < deadline) await delay(20);
  expect(await leaks(), "left behind by the test").toEqual([]);
}
