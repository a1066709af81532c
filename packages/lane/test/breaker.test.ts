import { AnswerTooLargeError } from "@centralcloud/postgres";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Breaker } from "../src/index.ts";

const lost = Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
const never = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function createBreaker(probe?: () => Promise<unknown>, probeCloses = false) {
  const waits: number[] = [];
  const recoveries: number[] = [];
  const breaker = new Breaker({
    ...(probe === undefined ? {} : { probe }),
    probeCloses,
    onFailure: (_, retryInMs) => void waits.push(retryInMs),
    onRecovery: (downMs) => void recoveries.push(downMs),
  });
  return { breaker, waits, recoveries };
}

test("while closed it lets work through at once", async () => {
  const { breaker } = createBreaker();
  expect(breaker.isOpen).toBe(false);
  expect(await breaker.admit(never)).toBe(true);
});

test("each further failure doubles the wait, up to two seconds, half of it random", async () => {
  const { breaker, waits } = createBreaker();
  for (let failure = 0; failure < 8; failure++) {
    breaker.failed(lost);
    await vi.advanceTimersByTimeAsync(2_000);
  }
  for (const [index, wait] of waits.entries()) {
    const full = Math.min(2_000, 100 * 2 ** index);
    expect(wait).toBeGreaterThanOrEqual(full / 2);
    expect(wait).toBeLessThanOrEqual(full);
  }
});

test("failures of one outage, which many meet at once, count as one", () => {
  const { breaker, waits } = createBreaker();
  for (let user = 0; user < 10; user++) breaker.failed(lost);
  expect(waits).toHaveLength(1);
});

test("all who wait share one probe, and continue when it works", async () => {
  const probe = vi.fn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  const { breaker } = createBreaker(probe);
  breaker.failed(lost);
  const waiting = Promise.all([breaker.admit(never), breaker.admit(never), breaker.admit(never)]);
  await vi.advanceTimersByTimeAsync(150);
  expect(await waiting).toEqual([true, true, true]);
  expect(probe).toHaveBeenCalledTimes(1);
});

test("nobody continues while the probe fails", async () => {
  let works = false;
  const { breaker } = createBreaker(async () => {
    if (!works) throw lost;
  });
  breaker.failed(lost);
  let admitted = false;
  void breaker.admit(never).then(() => {
    admitted = true;
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(admitted).toBe(false);
  works = true;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(admitted).toBe(true);
});

test("what failed is said to be at fault until real work succeeds", async () => {
  const { breaker, recoveries } = createBreaker(async () => {});
  breaker.failed(lost);
  const admitted = breaker.admit(never);
  await vi.advanceTimersByTimeAsync(100);
  await admitted;
  expect(breaker.fault).toMatchObject({ kind: "connection-lost", message: "connection refused" });
  breaker.succeeded();
  expect(breaker.fault).toBeUndefined();
  expect(recoveries).toHaveLength(1);
});

test("a probe that says all closes it, and the next failure still waits longer than the first", async () => {
  const { breaker, waits } = createBreaker(async () => {}, true);
  for (let failure = 0; failure < 4; failure++) {
    breaker.failed(lost);
    const admitted = breaker.admit(never);
    await vi.advanceTimersByTimeAsync(2_000);
    await admitted;
    expect(breaker.fault).toBeUndefined();
  }
  expect(waits[3]).toBeGreaterThanOrEqual(400);
});

test("an abort and a deadline end the wait, and say that work may not be tried", async () => {
  const { breaker } = createBreaker();
  breaker.failed(lost);
  const stopping = new AbortController();
  const aborted = breaker.admit(stopping.signal);
  stopping.abort();
  expect(await aborted).toBe(false);
  const late = breaker.admit(never, performance.now() + 10);
  await vi.advanceTimersByTimeAsync(10);
  expect(await late).toBe(false);
});

test("an answer that was too large is asked for ever more rarely, up to once a minute", async () => {
  const { breaker, waits } = createBreaker();
  for (let failure = 0; failure < 14; failure++) {
    breaker.failed(new AnswerTooLargeError("an answer", 1024 * 1024));
    await vi.advanceTimersByTimeAsync(60_000);
  }
  for (const [index, wait] of waits.entries()) {
    const full = Math.min(60_000, 100 * 2 ** index);
    expect(wait).toBeGreaterThanOrEqual(full / 2);
    expect(wait).toBeLessThanOrEqual(full);
  }
});

test.each([false, true])(
  "a probe that began before a failure says nothing of what came after it (it closes: %s)",
  async (closes) => {
    const probes: (() => void)[] = [];
    const { breaker, waits, recoveries } = createBreaker(
      () => new Promise<void>((resolve) => void probes.push(resolve)),
      closes,
    );
    breaker.failed(lost);
    const admitted = vi.fn();
    void breaker.admit(never).then(admitted);
    await vi.advanceTimersByTimeAsync(100);
    expect(probes).toHaveLength(1);
    // Work that was let through before has failed meanwhile.
    await vi.advanceTimersByTimeAsync(50);
    breaker.failed(lost);
    expect(waits).toHaveLength(2);
    probes[0]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.isOpen).toBe(true);
    expect(breaker.fault).toBeDefined();
    expect(recoveries).toEqual([]);
    expect(admitted).not.toHaveBeenCalled();
    // Nor when the new wait is over: the failure asks for a probe of its own.
    await vi.advanceTimersByTimeAsync(200);
    expect(admitted).not.toHaveBeenCalled();
    expect(probes).toHaveLength(2);
    probes[1]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(admitted).toHaveBeenCalledTimes(1);
  },
);
