import { expect, test } from "vitest";
import { retrySeconds } from "../src/settlement.ts";

test("the wait is random between nothing and a bound that doubles up to five minutes", () => {
  for (let attempts = 1; attempts <= 1_000; attempts += attempts < 20 ? 1 : 100) {
    const bound = Math.min(300, 2 ** (attempts - 1));
    const waits = Array.from({ length: 200 }, () => retrySeconds(attempts));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(bound);
    expect(Math.max(...waits)).toBeGreaterThan(bound / 2);
    // Messages that failed together do not come back together.
    expect(Math.min(...waits)).toBeLessThan(bound / 2);
    expect(new Set(waits).size).toBeGreaterThan(100);
  }
});
