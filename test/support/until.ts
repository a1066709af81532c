import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until `condition` gives something truthy, and returns it. Fails, naming what it waited for,
 * after `timeoutMs`.
 */
export async function until<Result>(
  what: string,
  condition: () => Promise<Result> | Result,
  timeoutMs = 20_000,
): Promise<NonNullable<Result>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(10);
  }
}
