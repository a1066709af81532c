import { describe, expect, test } from "vitest";
import { Stragglers } from "../src/index.ts";

/** Of so many that were asked, each of `answered` took so long, and `failed` could not be asked. */
function asked(total: number, answered: readonly number[], failed = 0): Stragglers {
  const stragglers = new Stragglers(total);
  for (const afterMs of answered) stragglers.answered(afterMs);
  for (let count = 0; count < failed; count++) stragglers.failed();
  return stragglers;
}

const thirtySix = Array.from({ length: 36 }, () => 40);

describe("who holds up the others", () => {
  test("is one that has not answered after a second and a half, when nearly all others have", () => {
    const stragglers = asked(40, thirtySix, 2);
    expect(stragglers.isStraggler(1_499)).toBe(false);
    expect(stragglers.isStraggler(1_500)).toBe(true);
  });

  test("is nobody where the others took their time, too: four times as long is waited", () => {
    const slow = asked(
      40,
      thirtySix.map(() => 2_000),
      2,
    );
    expect(slow.isStraggler(7_999)).toBe(false);
    expect(slow.isStraggler(8_000)).toBe(true);
  });

  test("is nobody until three have answered for each that has not", () => {
    expect(asked(4, [10, 10]).isStraggler(60_000)).toBe(false);
    expect(asked(4, [10, 10, 10]).isStraggler(60_000)).toBe(true);
    expect(asked(40, thirtySix.slice(0, 29)).isStraggler(60_000)).toBe(false);
  });

  test("is nobody among few that has more to do than they: eight must have answered", () => {
    expect(asked(4, [10, 10, 10]).isStraggler(60_000, true)).toBe(false);
    expect(asked(9, Array(8).fill(10)).isStraggler(60_000, true)).toBe(true);
    expect(asked(40, thirtySix).isStraggler(1_500, true)).toBe(true);
  });

  test("is nobody where one or two are asked, or none answers", () => {
    expect(asked(1, []).isStraggler(60_000)).toBe(false);
    expect(asked(2, [10]).isStraggler(60_000)).toBe(false);
    expect(asked(40, [], 39).isStraggler(60_000)).toBe(false);
  });
});
