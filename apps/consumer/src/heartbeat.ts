import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Replica, reportReplica, retireReplica } from "@centralcloud/db";
import { type Breaker, classifyFault } from "@centralcloud/pgmq";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { Pool } from "pg";
import { createRepeatingTask } from "./repeating-task.ts";

const everyMs = 10_000;

/** A store that is slower than this has a problem. */
const answerMs = 5_000;

const { version } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as { version: string };

/** This process, by a name of its own. */
export function createReplica(): Replica {
  return { id: randomUUID(), version, host: hostname() };
}

/**
 * Enters the replica in `central.consumers` and keeps it there while it lives. A store that is too slow
 * to answer, or gone, is noticed here although no lane has anything to merge.
 */
export function createHeartbeat(
  replica: Replica,
  central: Pool,
  breaker: Breaker,
  observe: Observe,
): Part {
  const beats = createRepeatingTask(
    {
      name: "heartbeat",
      firstAfterMs: 0,
      everyMs,
      async run() {
        if (breaker.isOpen) return;
        try {
          await reportReplica(central, replica, answerMs);
        } catch (error) {
          if (classifyFault(error).scope !== "database") throw error;
          breaker.failed(error);
        }
      },
    },
    observe,
  );
  return definePart({
    name: "heartbeat",
    start: () => beats.start(),
    async stop() {
      await beats.stop();
      // Where it can't be said, the silence says it.
      if (!breaker.isOpen) await retireReplica(central, replica).catch(() => {});
    },
  });
}
