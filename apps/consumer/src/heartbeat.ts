import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import {
  createPool,
  cutIdleConnections,
  endPool,
  type Replica,
  reportReplica,
  retireReplica,
} from "@centralcloud/db";
import { type Breaker, classifyFault } from "@centralcloud/pgmq";
import { definePart, type Observe, type Part, settledWithin } from "@centralcloud/service";
import { createRepeatingTask } from "./repeating-task.ts";
import { version } from "./version.ts";

const everyMs = 5_000;

/** A store that is slower than this has a problem. */
const answerMs = 3_000;

const farewellMs = 500;

/** This process, by a name of its own. */
export function createReplica(): Replica {
  return { id: randomUUID(), version, host: hostname() };
}

/**
 * Enters the replica in `central.consumers` and keeps it there while it lives, on a connection of its own.
 * So a store that is too slow to answer, or gone, is noticed although no lane has anything to merge, or
 * all wait for an answer that never comes; and that it is back is noticed although no lane works.
 */
export function createHeartbeat(
  replica: Replica,
  centralUrl: string,
  breaker: Breaker,
  observe: Observe,
): Part {
  const pool = createPool(centralUrl, { applicationName: "centralcloud-heartbeat", max: 1 });
  const beats = createRepeatingTask(
    {
      name: "heartbeat",
      firstAfterMs: 0,
      everyMs,
      async run(stopping) {
        if (!(await breaker.admit(stopping))) return;
        try {
          await reportReplica(pool, replica, answerMs);
          breaker.succeeded();
        } catch (error) {
          cutIdleConnections(pool);
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
      await beats.stop(farewellMs);
      // Where it can't be said, the silence says it.
      if (!breaker.isOpen) await settledWithin(retireReplica(pool, replica), farewellMs);
      await endPool(pool, 0);
    },
  });
}
