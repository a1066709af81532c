import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";

/** Kinds of things that keep a process alive, and that a test must not leave behind. */
const kinds = ["Timeout", "Immediate", "TCPServerWrap", "ProcessWrap", "FSReqPromise"];
const timeoutMs = 3_000;

/**
 * Fails each test of a file that leaves behind a timer, a listening socket, a child process or a signal handler; and the
 * file, where it does after all its tests, or leaves a setting of the process changed: other files run in it, too. What
 * a file keeps running beside its tests, such as a service that was started before all, is not counted against a
 * single test.
 *
 * @param listens whether handlers of signals and of the process's end count, too. The library that starts containers adds
 *   one of its own, when it is first used, and keeps it.
 */
export function checkLeaks({ listens = true }: { readonly listens?: boolean } = {}): void {
  const countResources = () => countOf(listens ? listened : []);
  let ofFile: Counts = {};
  let settings: Settings = {};
  let ofTest: Counts = {};
  beforeAll(() => {
    ofFile = countResources();
    settings = readSettings();
  });
  beforeEach(() => {
    ofTest = countResources();
  });
  afterEach(async () => {
    const kept = new Set(excess(ofFile, ofTest));
    await expectNothing(() =>
      Promise.resolve(excess(ofTest, countResources()).filter((kind) => !kept.has(kind))),
    );
  });
  afterAll(async () => {
    await expectNothing(() => Promise.resolve(excess(ofFile, countResources())));
    expect(readSettings(), "changed by the file, and not set back").toEqual(settings);
  });
}

type Settings = Readonly<Record<string, unknown>>;

/** What a file may change for a while, and others of the process would meet. */
function readSettings(): Settings {
  return {
    environment: { ...process.env },
    folder: process.cwd(),
    exitCode: process.exitCode,
    timers: vi.isFakeTimers() ? "fake" : "real",
  };
}

type Counts = Readonly<Record<string, number>>;

const listened = ["SIGTERM", "SIGINT", "uncaughtException", "unhandledRejection", "exit"];

function countOf(signals: readonly string[]): Counts {
  const resources = process.getActiveResourcesInfo();
  return Object.fromEntries([
    ...kinds.map((kind) => [kind, resources.filter((name) => name === kind).length]),
    ...signals.map((name) => [`${name} listener`, process.listenerCount(name)]),
  ]);
}

function excess(before: Counts, after: Counts): string[] {
  return Object.keys(after).filter((key) => (after[key] ?? 0) > (before[key] ?? 0));
}

/** A closed socket takes a moment to disappear; what is still there after it is a leak. */
export async function expectNothing(leaks: () => Promise<string[]>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let found = await leaks();
  while (found.length > 0 && performance.now() < deadline) {
    await delay(5);
    found = await leaks();
  }
  expect(found, "left behind").toEqual([]);
}
