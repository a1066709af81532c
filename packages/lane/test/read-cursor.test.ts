import { expect, test } from "vitest";
import { ReadCursor } from "../src/reader.ts";

test("after a full batch the next read begins behind it", () => {
  const cursor = new ReadCursor();
  expect(cursor.isAtStart).toBe(true);
  cursor.moveBehind([{ msgId: "1" }, { msgId: "500" }]);
  expect(cursor.start).toEqual({ afterId: "500", afterOthers: false });
});

test("where somebody else has read in between, the next read begins behind them", () => {
  const cursor = new ReadCursor();
  cursor.moveBehind([{ msgId: "1" }, { msgId: "500" }]);
  cursor.moveBehind([{ msgId: "1001" }, { msgId: "1500" }]);
  expect(cursor.start).toEqual({ afterId: "1500", afterOthers: true });
  cursor.moveBehind([{ msgId: "1501" }, { msgId: "2000" }]);
  expect(cursor.start).toEqual({ afterId: "2000", afterOthers: false });
});

test("ids are compared with every digit", () => {
  const cursor = new ReadCursor();
  cursor.moveBehind([{ msgId: "9007199254740992" }]);
  cursor.moveBehind([{ msgId: "9007199254740993" }]);
  expect(cursor.start.afterOthers).toBe(false);
});

test("after a batch that was not full the next read begins at the start", () => {
  const cursor = new ReadCursor();
  cursor.moveBehind([{ msgId: "1" }, { msgId: "500" }]);
  cursor.moveBehind(undefined);
  expect(cursor.isAtStart).toBe(true);
});

test("what came back in front is looked for every now and then, however full the batches are", () => {
  const cursor = new ReadCursor();
  const starts = Array.from({ length: 64 }, (_, index) => {
    cursor.moveBehind([{ msgId: String(index) }]);
    return cursor.isAtStart;
  });
  expect(starts.filter((start) => start)).toHaveLength(4);
});

test("others read the queue where read after read finds that some are missing, not where one does", () => {
  const cursor = new ReadCursor();
  const read = (first: number) =>
    cursor.moveBehind([{ msgId: String(first) }, { msgId: String(first + 499) }]);
  for (const first of [1, 501, 1_002, 1_502]) read(first);
  expect(cursor.isShared).toBe(false);
  for (const first of [2_501, 3_501, 4_501]) read(first);
  expect(cursor.isShared).toBe(true);
  cursor.moveBehind(undefined);
  expect(cursor.isShared).toBe(false);
});
