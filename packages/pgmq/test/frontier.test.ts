import { expect, test } from "vitest";
import { Frontier } from "../src/lane/frontier.ts";

test("after a full batch the next read begins behind it", () => {
  const frontier = new Frontier();
  expect(frontier.afterId).toBeUndefined();
  frontier.moved("500");
  expect(frontier.afterId).toBe("500");
});

test("after a batch that was not full the next read begins at the start", () => {
  const frontier = new Frontier();
  frontier.moved("500");
  frontier.moved(undefined);
  expect(frontier.afterId).toBeUndefined();
});

test("what came back in front is looked for every now and then, however full the batches are", () => {
  const frontier = new Frontier();
  const starts = Array.from({ length: 64 }, (_, index) => {
    frontier.moved(String(index));
    return frontier.afterId;
  });
  expect(starts.filter((start) => start === undefined)).toHaveLength(4);
});
