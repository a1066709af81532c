import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { mapInTurn } from "../src/index.ts";

describe("work in turn", () => {
  it("is done in order, so many at a time", async () => {
    let atWork = 0;
    let most = 0;
    const results = await mapInTurn([1, 2, 3, 4, 5, 6, 7], { limit: 3 }, async (item) => {
      most = Math.max(most, ++atWork);
      await delay(2);
      atWork -= 1;
      return item * 2;
    });
    expect(results).toEqual([2, 4, 6, 8, 10, 12, 14]);
    expect(most).toBe(3);
  });

  it("is not held up by what does not answer, and waits for it nevertheless", async () => {
    const done: string[] = [];
    let release = () => {};
    const silence = new Promise<void>((resolve) => {
      release = resolve;
    });
    const work = async (item: string, answered: () => void) => {
      if (item === "silent") await silence;
      answered();
      done.push(item);
      if (item === "last") release();
    };
    await mapInTurn(["silent", "other", "last"], { limit: 1, answerTimeoutMs: 5 }, work);
    expect(done).toEqual(["other", "last", "silent"]);
  });

  it("ends all of it when one fails, and then rejects with the first error", async () => {
    let ended = 0;
    const work = async (item: number) => {
      await delay(item);
      ended += 1;
      if (item > 1) throw new Error(`${item}`);
    };
    await expect(mapInTurn([1, 5, 2], { limit: 2 }, work)).rejects.toThrow("5");
    expect(ended).toBe(3);
  });
});
