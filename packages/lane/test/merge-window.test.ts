import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { MergeWindow } from "../src/pipeline.ts";

/** Merges that continue until they are told how to end. */
function startMerges(window: MergeWindow) {
  const begun: number[] = [];
  const endings = new Map<number, { end(): void; fail(): void }>();
  return {
    begun,
    start: (batch: number) =>
      window.try(batch, () => {
        begun.push(batch);
        return new Promise<string>((resolve, reject) => {
          const fail = () => reject(new Error("refused"));
          endings.set(batch, { end: () => resolve(`merged ${batch}`), fail });
        });
      }),
    ending: (batch: number) => endings.get(batch) as { end(): void; fail(): void },
  };
}

test("a batch waits for the one that was read two before it, however soon the batch beside it is done", async () => {
  const { begun, start, ending } = startMerges(new MergeWindow(2));
  const first = start(1);
  const second = start(2);
  await turn();
  ending(2).end();
  expect(await second).toBe("merged 2");
  const third = start(3);
  await turn();
  expect(begun).toEqual([1, 2]);
  ending(1).end();
  expect(await first).toBe("merged 1");
  await turn();
  expect(begun).toEqual([1, 2, 3]);
  ending(3).end();
  expect(await third).toBe("merged 3");
});

test("a refusal ends the wait as well, and is told to its own batch alone", async () => {
  const { begun, start, ending } = startMerges(new MergeWindow(1));
  const first = start(1);
  const second = start(2);
  await turn();
  expect(begun).toEqual([1]);
  ending(1).fail();
  await expect(first).rejects.toThrow("refused");
  await turn();
  ending(2).end();
  expect(await second).toBe("merged 2");
});
