import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Lease, StaleLeaseError } from "../src/lease.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  expect(vi.getTimerCount(), "no timer is left").toBe(0);
  vi.useRealTimers();
});

test("it is extended at half of its life, again and again, for as long as work continues", async () => {
  const extend = vi.fn(async () => true);
  const lease = new Lease(performance.now(), 30_000, extend);
  await vi.advanceTimersByTimeAsync(14_999);
  expect(extend).toHaveBeenCalledTimes(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(extend).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(extend).toHaveBeenCalledTimes(5);
  lease.assertHeld();
  await lease.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(extend).toHaveBeenCalledTimes(5);
});

test("it runs out when a message is somebody else's already, and can't be extended any more", async () => {
  const extend = vi.fn(async () => false);
  const lease = new Lease(performance.now(), 30_000, extend);
  await vi.advanceTimersByTimeAsync(29_999);
  lease.assertHeld();
  await vi.advanceTimersByTimeAsync(1);
  expect(() => lease.assertHeld()).toThrow(StaleLeaseError);
  expect(extend).toHaveBeenCalledTimes(1);
  await lease.end();
});

test("an extension that is not answered is asked for again until it has run out", async () => {
  let answers = false;
  const extend = vi.fn(async () => {
    if (!answers) throw new Error("connection lost");
    return true;
  });
  const lease = new Lease(performance.now(), 8_000, extend);
  await vi.advanceTimersByTimeAsync(6_500);
  expect(extend.mock.calls.length).toBeGreaterThan(1);
  answers = true;
  await vi.advanceTimersByTimeAsync(3_000);
  lease.assertHeld();
  answers = false;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(() => lease.assertHeld()).toThrow(StaleLeaseError);
  await lease.end();
});

test("it is counted from before the read, however long the read took", async () => {
  const claimedAt = performance.now();
  await vi.advanceTimersByTimeAsync(0);
  const lease = new Lease(claimedAt - 31_000, 30_000, async () => true);
  expect(() => lease.assertHeld()).toThrow("the lease ended 1000 ms before the merge");
  await lease.end();
});

test("an extension counts from its asking, however late its answer: the server's clock began then", async () => {
  let answer = () => {};
  const asked = new Promise<void>((resolve) => {
    answer = () => resolve();
  });
  const extend = vi.fn(() => asked.then(() => true));
  const startedAt = performance.now();
  const lease = new Lease(startedAt, 30_000, extend);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(extend).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(10_000);
  answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(lease.endsAt).toBe(startedAt + 45_000);
  await lease.end();
});

test("where the answer comes when the lease has run out, the next extension is asked for at once", async () => {
  const answers: (() => void)[] = [];
  const extend = vi.fn(
    () => new Promise<boolean>((resolve) => void answers.push(() => resolve(true))),
  );
  const lease = new Lease(performance.now(), 10_000, extend);
  await vi.advanceTimersByTimeAsync(14_000);
  expect(() => lease.assertHeld()).toThrow(StaleLeaseError);
  // Asked at 5 s, it holds until 15 s: one second is left, and half of the lease has long passed.
  answers[0]?.();
  await vi.advanceTimersByTimeAsync(1);
  lease.assertHeld();
  expect(extend).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(() => lease.assertHeld()).toThrow(StaleLeaseError);
  answers[1]?.();
  await vi.advanceTimersByTimeAsync(1);
  lease.assertHeld();
  await lease.end();
});

test("one that was revoked while an extension was under way stays so", async () => {
  let answer = () => {};
  const lease = new Lease(
    performance.now(),
    10_000,
    () =>
      new Promise((resolve) => {
        answer = () => resolve(true);
      }),
  );
  await vi.advanceTimersByTimeAsync(5_000);
  lease.revoke();
  answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(() => lease.assertHeld()).toThrow(StaleLeaseError);
  await lease.end();
});
