import { expect, test } from "vitest";
import { Frontier } from "../src/lane/frontier.ts";

test("after a full batch the next read begins behind it", () => {
  const frontier = new Frontier();
  expect(frontier.atStart).toBe(true);
  frontier.moved([{ msgId: "1" }, { msgId: "500" }]);
  expect(frontier.next).toEqual({ afterId: "500", afterOthers: false });
});

test("where somebody else has read in between, the next read begins behind them", () => {
  const frontier = new Frontier();
  frontier.moved([{ msgId: "1" }, { msgId: "500" }]);
  frontier.moved([{ msgId: "1001" }, { msgId: "1500" }]);
  expect(frontier.next).toEqual({ afterId: "1500", afterOthers: true });
  frontier.moved([{ msgId: "1501" }, { msgId: "2000" }]);
  expect(frontier.next).toEqual({ afterId: "2000", afterOthers: false });
});

test("ids are compared with every digit", () => {
  const frontier = new Frontier();
  frontier.moved([{ msgId: "9007199254740992" }]);
  frontier.moved([{ msgId: "9007199254740993" }]);
  expect(frontier.next.afterOthers).toBe(false);
});

test("after a batch that was not full the next read begins at the start", () => {
  const frontier = new Frontier();
  frontier.moved([{ msgId: "1" }, { msgId: "500" }]);
  frontier.moved(undefined);
  expect(frontier.atStart).toBe(true);
});

test("what came back in front is looked for every now and then, however full the batches are", () => {
  const frontier = new Frontier();
  const starts = Array.from({ length: 64 }, (_, index) => {
    frontier.moved([{ msgId: String(index) }]);
    return frontier.atStart;
  });
  expect(starts.filter((start) => start)).toHaveLength(4);
});

test("others read the queue where read after read finds that some are missing, not where one does", () => {
  const frontier = new Frontier();
  const read = (first: number) =>
    frontier.moved([{ msgId: String(first) }, { msgId: String(first + 499) }]);
  for (const first of [1, 501, 1_002, 1_502]) read(first);
  expect(frontier.isShared).toBe(false);
  for (const first of [2_501, 3_501, 4_501]) read(first);
  expect(frontier.isShared).toBe(true);
  frontier.moved(undefined);
  expect(frontier.isShared).toBe(false);
});
