import { expect, test } from "vitest";
import { DataKeys } from "../src/data-keys.ts";

const opened: string[] = [];
/** What is kept, by name; the callers have copies. */
const kept = new Map<string, Buffer>();

function get(keys: DataKeys, source: string, dataKey: string): Promise<Buffer> {
  return keys.get(source, { keyId: "k", dataKey }, async () => {
    opened.push(dataKey);
    const bytes = Buffer.from(dataKey);
    kept.set(dataKey, bytes);
    return bytes;
  });
}

const allZero = (bytes: Buffer | undefined) => bytes?.every((byte) => byte === 0);

test("a data key is opened once, however many ask for it at the same time", async () => {
  opened.length = 0;
  const keys = new DataKeys();
  const answers = await Promise.all(Array.from({ length: 10 }, () => get(keys, "a", "one")));
  expect(answers.map(String)).toEqual(Array.from({ length: 10 }, () => "one"));
  expect(String(await get(keys, "a", "one"))).toBe("one");
  expect(opened).toEqual(["one"]);
  // What another source sends is opened for itself.
  await get(keys, "b", "one");
  expect(opened).toEqual(["one", "one"]);
});

test("a source that sends a new data key with each message pushes out its own ones alone", async () => {
  const keys = new DataKeys();
  await get(keys, "honest", "mine");
  await get(keys, "hostile", "0");
  const first = kept.get("0");
  for (let number = 1; number <= 512; number++) await get(keys, "hostile", `${number}`);
  opened.length = 0;
  await get(keys, "honest", "mine");
  await get(keys, "hostile", "512");
  expect(opened).toEqual([]);
  // What was pushed out is overwritten.
  expect(allZero(first)).toBe(true);
  await get(keys, "hostile", "0");
  expect(opened).toEqual(["0"]);
});

test("the one that was used last stays", async () => {
  const keys = new DataKeys();
  for (let number = 0; number < 512; number++) await get(keys, "a", `${number}`);
  await get(keys, "a", "0");
  await get(keys, "a", "new");
  opened.length = 0;
  await get(keys, "a", "0");
  expect(opened).toEqual([]);
  await get(keys, "a", "1");
  expect(opened).toEqual(["1"]);
});

test("what does not open is tried again", async () => {
  const keys = new DataKeys();
  const broken = () =>
    keys.get("a", { keyId: "k", dataKey: "d" }, async () => Promise.reject(new Error("broken")));
  await expect(broken()).rejects.toThrow("broken");
  expect(String(await get(keys, "a", "d"))).toBe("d");
});

test("all are overwritten when they are forgotten, and a copy that somebody has is not", async () => {
  const keys = new DataKeys();
  const copy = await get(keys, "a", "secret");
  keys.clear();
  await Promise.resolve();
  expect(allZero(kept.get("secret"))).toBe(true);
  expect(String(copy)).toBe("secret");
  expect(keys.size).toBe(0);
});

test("a key that is pushed out while it is opened reaches whoever waits for it", async () => {
  const keys = new DataKeys();
  const asked = Array.from({ length: 600 }, (_, number) => get(keys, "a", `key ${number}`));
  // All are asked for before the first has been opened, so the first ones are pushed out meanwhile.
  expect((await Promise.all(asked)).map(String)).toEqual(
    Array.from({ length: 600 }, (_, number) => `key ${number}`),
  );
  expect(allZero(kept.get("key 0"))).toBe(true);
  expect(keys.size).toBe(512);
});

test("what all sources have together is bounded, and whoever has most of it loses some", async () => {
  const keys = new DataKeys(100);
  for (let number = 0; number < 10; number++) await get(keys, "modest", `modest ${number}`);
  for (let number = 0; number < 300; number++) await get(keys, "greedy", `greedy ${number}`);
  expect(keys.size).toBe(100);
  opened.length = 0;
  for (let number = 0; number < 10; number++) await get(keys, "modest", `modest ${number}`);
  expect(opened).toEqual([]);
});

test("what a source has left is overwritten once nothing has come from it for a while", async () => {
  let nowMs = 0;
  const keys = new DataKeys(100, () => nowMs);
  await get(keys, "gone", "of one that is gone");
  nowMs = 10 * 60_000;
  await get(keys, "busy", "of one that is busy");
  expect(keys.size).toBe(2);
  nowMs = 16 * 60_000;
  await get(keys, "busy", "of one that is busy");
  expect(keys.size).toBe(1);
  expect(allZero(kept.get("of one that is gone"))).toBe(true);
  expect(allZero(kept.get("of one that is busy"))).toBe(false);
});

test("a key that does not open is not counted, also where all were forgotten meanwhile", async () => {
  const keys = new DataKeys();
  const broken = keys.get("a", { keyId: "k", dataKey: "d" }, () => Promise.reject(new Error("no")));
  keys.clear();
  await expect(broken).rejects.toThrow("no");
  await get(keys, "a", "one");
  expect(keys.size).toBe(1);
});
