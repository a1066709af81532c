import { setMaxListeners } from "node:events";
import { pause } from "@centralcloud/service";
import { type Attack, attacks, type HostileSource, withClient } from "./attacks.ts";

/** How often each attack was done, and how often the source's own server refused it. */
export type AttackCounts = ReadonlyMap<string, { readonly done: number; readonly refused: number }>;

/** Does every attack to a source at the same time, again and again, until it is over, and then leaves it in order. */
export async function attack(source: HostileSource, over: AbortSignal): Promise<AttackCounts> {
  // One for each attack that waits.
  setMaxListeners(attacks.length + 10, over);
  const counts = new Map<string, { done: number; refused: number }>();
  async function repeat({ name, everyMs, harm }: Attack): Promise<void> {
    const count = { done: 0, refused: 0 };
    counts.set(name, count);
    while (!over.aborted) {
      try {
        await withClient(source.url, (admin) => harm(admin, source));
        count.done += 1;
      } catch {
        // Attacks are in each other's way, too.
        count.refused += 1;
      }
      await pause(everyMs, over);
    }
  }
  await Promise.all(attacks.map(repeat));
  return counts;
}
