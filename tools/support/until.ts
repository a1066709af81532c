import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until `condition` gives something truthy, and returns it. Fails, naming what it waited for,
 * after `timeoutMs`. It looks less often the longer it waits: what is waited for needs the machine, too.
 */
export async function until<Result>(
  what: string,
  condition: () => Promise<Result> | Result,
  timeoutMs = 50_000,
): Promise<NonNullable<Result>> {
  const startedAt = performance.now();
  for (;;) {
    const result = await condition();
    if (result) return result;
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(Math.min(Math.max(waitedMs / 20, 10), 250));
  }
}
