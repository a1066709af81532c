import { setTimeout as delay } from "node:timers/promises";
import { classifyFault } from "@centralcloud/postgres";

const tries = 4;

/**
 * Does it again at once, up to three times, when the database rolled it back because of somebody else's
 * work (deadlock, serialization failure): nothing is broken then, and the next try usually works.
 */
export async function retryConflicts<Result>(action: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt === tries || classifyFault(error).kind !== "conflict") throw error;
      // Two that met must not meet again in step.
      await delay(Math.random() * 10 * attempt);
    }
  }
}
