import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ClaimedMessage, ReadTurn, TurnedAway } from "../src/client/message.ts";
import { ReadTurns } from "../src/lane/read-turns.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const messages = [{}] as unknown as readonly ClaimedMessage[];

/** What a lane asks for at its next read, which is answered so. */
async function ask(
  turns: ReadTurns,
  answer: readonly ClaimedMessage[] | TurnedAway,
  readersAreOurs = true,
): Promise<ReadTurn> {
  let asked: ReadTurn = {};
  const taken = turns.take(
    async (turn) => {
      asked = turn;
      return answer;
    },
    signal,
    async () => readersAreOurs,
  );
  await vi.advanceTimersByTimeAsync(typeof answer === "string" ? 1_000 : 0);
  expect(await taken).toEqual(typeof answer === "string" ? undefined : answer);
  return asked;
}

const rests = (turn: ReadTurn) => turn.unlessOthers !== undefined;

/** How long it asks so when it is turned away each time, in seconds. */
async function secondsUntil(
  turns: ReadTurns,
  answer: TurnedAway,
  isOver: (turn: ReadTurn) => boolean,
): Promise<number> {
  for (let second = 0; second < 200; second++) if (isOver(await ask(turns, answer))) return second;
  return Number.POSITIVE_INFINITY;
}

test("a lane that reads goes on, and one that has not read for a while rests while others do", async () => {
  const turns = new ReadTurns();
  expect(rests(await ask(turns, "others-read"))).toBe(true);
  expect(turns.isContended).toBe(true);
  expect(rests(await ask(turns, messages))).toBe(true);
  expect(turns.isContended).toBe(false);
  expect(rests(await ask(turns, messages))).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(rests(await ask(turns, []))).toBe(true);
  expect(rests(await ask(turns, messages))).toBe(true);
});

test("a lane that rests asks first whether others still read", async () => {
  const turns = new ReadTurns();
  const asksFirst = async () => (await ask(turns, "others-read")).unlessOthers?.asksFirst;
  expect(await asksFirst()).toBe(false);
  expect(await asksFirst()).toBe(true);
  await ask(turns, messages);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await asksFirst()).toBe(false);
});

test("a lane that meets too many readers is the next to rest", async () => {
  const turns = new ReadTurns();
  await ask(turns, messages);
  expect(rests(await ask(turns, "many-read"))).toBe(false);
  expect(rests(await ask(turns, messages))).toBe(true);
});

test("a lane whose batches are mostly its own work never rests", async () => {
  const turns = new ReadTurns();
  turns.learn(300, 20);
  expect(rests(await ask(turns, "many-read"))).toBe(false);
  turns.learn(2, 20);
  expect(rests(await ask(turns, "others-read"))).toBe(true);
});

test("a lane that rested for about a minute reads all the same", async () => {
  const seconds = await secondsUntil(new ReadTurns(), "others-read", (turn) => !rests(turn));
  expect(seconds).toBeGreaterThan(25);
  expect(seconds).toBeLessThan(200);
});

test("a lane whose checks may be work does not rest before it knows that they are not", async () => {
  const turns = new ReadTurns(true);
  expect(rests(await ask(turns, "many-read"))).toBe(false);
  turns.learn(2, 20);
  expect(rests(await ask(turns, "others-read"))).toBe(true);
});

test("a lane that rested does not read beside more readers than there may be", async () => {
  const turns = new ReadTurns();
  await ask(turns, "many-read");
  for (let times = 0; times < 4; times++) await ask(turns, "others-read");
  expect(await ask(turns, messages)).toMatchObject({ maxReaders: 2 });
});

test("a lane that met too many readers for seconds reads all the same", async () => {
  const isOver = (turn: ReadTurn) => turn.maxReaders === undefined;
  expect(await secondsUntil(new ReadTurns(), "many-read", isOver)).toBeLessThanOrEqual(5);
});

test("a lane asks nobody for its turn for a minute once those who kept it from reading were no readers", async () => {
  const turns = new ReadTurns();
  for (let second = 0; second < 5; second++) await ask(turns, "many-read", false);
  expect((await ask(turns, messages, false)).maxReaders).toBeUndefined();
  expect((await ask(turns, messages, false)).maxReaders).toBeUndefined();
  await vi.advanceTimersByTimeAsync(60_000);
  expect((await ask(turns, messages, false)).maxReaders).toBe(2);
});

test("a lane that read beside real readers asks for its turn again", async () => {
  const turns = new ReadTurns();
  for (let second = 0; second < 5; second++) await ask(turns, "many-read");
  expect((await ask(turns, messages)).maxReaders).toBeUndefined();
  expect((await ask(turns, messages)).maxReaders).toBe(2);
});
