import type { ClaimedMessage, ReaderSlotRequest, SlotRefusal } from "@centralcloud/queue";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ReaderSlots } from "../src/reader-slots.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const messages = [{}] as unknown as readonly ClaimedMessage[];

/** The conditions of a lane's next read, which gets the given answer. */
async function ask(
  slots: ReaderSlots,
  answer: readonly ClaimedMessage[] | SlotRefusal,
  isSlotHeldByReader = true,
): Promise<ReaderSlotRequest> {
  let asked: ReaderSlotRequest = {};
  const taken = slots.request(
    async (slot) => {
      asked = slot;
      return answer;
    },
    signal,
    async () => isSlotHeldByReader,
  );
  await vi.advanceTimersByTimeAsync(typeof answer === "string" ? 1_000 : 0);
  expect(await taken).toEqual(typeof answer === "string" ? undefined : answer);
  return asked;
}

const maySkip = (slot: ReaderSlotRequest) => slot.unlessOthers !== undefined;

/** Seconds until a lane that is refused each time reads under conditions for which `isOver` holds. */
async function secondsUntil(
  slots: ReaderSlots,
  answer: SlotRefusal,
  isOver: (slot: ReaderSlotRequest) => boolean,
): Promise<number> {
  for (let second = 0; second < 200; second++) if (isOver(await ask(slots, answer))) return second;
  return Number.POSITIVE_INFINITY;
}

test("a lane that reads continues, and one that has not read for a while skips reads while others claim enough", async () => {
  const slots = new ReaderSlots();
  expect(maySkip(await ask(slots, "not-needed"))).toBe(true);
  expect(slots.isContended).toBe(true);
  expect(maySkip(await ask(slots, messages))).toBe(true);
  expect(slots.isContended).toBe(false);
  expect(maySkip(await ask(slots, messages))).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(maySkip(await ask(slots, []))).toBe(true);
  expect(maySkip(await ask(slots, messages))).toBe(true);
});

test("a lane that was not needed asks first whether others still claim enough", async () => {
  const slots = new ReaderSlots();
  const asksFirst = async () => (await ask(slots, "not-needed")).unlessOthers?.asksFirst;
  expect(await asksFirst()).toBe(false);
  expect(await asksFirst()).toBe(true);
  await ask(slots, messages);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await asksFirst()).toBe(false);
});

test("a lane that got no slot is the next to skip reads", async () => {
  const slots = new ReaderSlots();
  await ask(slots, messages);
  expect(maySkip(await ask(slots, "no-slot"))).toBe(false);
  expect(maySkip(await ask(slots, messages))).toBe(true);
});

test("a lane whose batches are mostly its own work never skips reads", async () => {
  const slots = new ReaderSlots();
  slots.learn(300, 20);
  expect(maySkip(await ask(slots, "no-slot"))).toBe(false);
  slots.learn(2, 20);
  expect(maySkip(await ask(slots, "not-needed"))).toBe(true);
});

test("a lane that was not needed for about a minute reads anyway", async () => {
  const seconds = await secondsUntil(new ReaderSlots(), "not-needed", (slot) => !maySkip(slot));
  expect(seconds).toBeGreaterThan(25);
  expect(seconds).toBeLessThan(200);
});

test("a lane whose checks may be work skips no read before it knows that they are not", async () => {
  const slots = new ReaderSlots(true);
  expect(maySkip(await ask(slots, "no-slot"))).toBe(false);
  slots.learn(2, 20);
  expect(maySkip(await ask(slots, "not-needed"))).toBe(true);
});

test("a lane that was not needed does not read beside more readers than there may be", async () => {
  const slots = new ReaderSlots();
  await ask(slots, "no-slot");
  for (let times = 0; times < 4; times++) await ask(slots, "not-needed");
  expect(await ask(slots, messages)).toMatchObject({ maxReaders: 2 });
});

test("a lane that got no slot for seconds reads anyway", async () => {
  const isOver = (slot: ReaderSlotRequest) => slot.maxReaders === undefined;
  expect(await secondsUntil(new ReaderSlots(), "no-slot", isOver)).toBeLessThanOrEqual(5);
});

test("a lane reads without a slot for a minute once the holders of the slots were found to be no readers", async () => {
  const slots = new ReaderSlots();
  for (let second = 0; second < 5; second++) await ask(slots, "no-slot", false);
  expect((await ask(slots, messages, false)).maxReaders).toBeUndefined();
  expect((await ask(slots, messages, false)).maxReaders).toBeUndefined();
  await vi.advanceTimersByTimeAsync(60_000);
  expect((await ask(slots, messages, false)).maxReaders).toBe(2);
});

test("a lane that read beside real readers asks for a slot again", async () => {
  const slots = new ReaderSlots();
  for (let second = 0; second < 5; second++) await ask(slots, "no-slot");
  expect((await ask(slots, messages)).maxReaders).toBeUndefined();
  expect((await ask(slots, messages)).maxReaders).toBe(2);
});
