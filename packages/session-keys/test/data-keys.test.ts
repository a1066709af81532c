import { expect, test } from "vitest";
import { DataKeys } from "../src/data-keys.ts";

const opened: string[] = [];

function get(keys: DataKeys, source: string, dataKey: string): Promise<Buffer> {
  return keys.get(source, { keyId: "k", dataKey }, async () => {
    opened.push(dataKey);
    return Buffer.from(dataKey);
  });
}

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
  const first = await get(keys, "hostile", "0");
  for (let number = 1; number <= 512; number++) await get(keys, "hostile", `${number}`);
  opened.length = 0;
  await get(keys, "honest", "mine");
  await get(keys, "hostile", "512");
  expect(opened).toEqual([]);
  // What was pushed out is overwritten.
  expect([...first]).toEqual([0]);
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

test("all are overwritten when they are forgotten", async () => {
  const keys = new DataKeys();
  const key = await get(keys, "a", "secret");
  keys.clear();
  await Promise.resolve();
  expect([...key]).toEqual([0, 0, 0, 0, 0, 0]);
});
