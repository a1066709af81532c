import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { CaptureStateError, codeOf } from "../errors.ts";

/** How long a reader that was told to stop may take to leave. */
const timeoutMs = 5_000;

/** Drops a slot; nothing happens where it is gone. @throws {CaptureStateError} while some process reads it. */
export async function dropSlot(source: Pool, slot: string): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await source.query("select pg_drop_replication_slot($1)", [slot]);
      return;
    } catch (error) {
      const code = codeOf(error);
      if (code === "42704") return;
      if (code !== "55006") throw error;
      if (performance.now() > deadline) {
        throw new CaptureStateError(
          `the slot ${slot} is read by another process; stop the capture first`,
        );
      }
      await delay(100);
    }
  }
}
