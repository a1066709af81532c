import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type HeldKeys, type Replica, reportReplica, retireReplica } from "@centralcloud/central";
import type { Breaker } from "@centralcloud/lane";
import { classifyFault, createPool, cutIdleConnections, endPool } from "@centralcloud/postgres";
import {
  definePart,
  type Observe,
  type Part,
  settledWithin,
  withoutContents,
} from "@centralcloud/service";
import type { Pool } from "pg";
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

export interface Heartbeat extends Part {
  /** Its one connection, for other small questions. */
  readonly pool: Pool;
  /** Whether the central store has taken one. */
  readonly reached: boolean;
  /** Why the last one failed, where the store answers but does not take it: it is not migrated, for example. */
  readonly refusal: string | undefined;
}

/**
 * Enters the replica and the keys that it holds in `central.consumers` and keeps it there while it lives, on a connection of its own.
 * So a store that is too slow to answer, or gone, is noticed although no lane has anything to merge, or
 * all wait for an answer that never comes; and that it is back is noticed although no lane works.
 *
 * @param alsoAsk what else is asked of the store each time.
 */
export function createHeartbeat(
  replica: Replica,
  heldKeys: () => HeldKeys,
  alsoAsk: (central: Pool, answerMs: number) => Promise<void>,
  centralUrl: string,
  breaker: Breaker,
  observe: Observe,
): Heartbeat {
  let reached = false;
  let refusal: string | undefined;
  const pool = createPool(centralUrl, { applicationName: "centralcloud-heartbeat", max: 1 });
  const beats = createRepeatingTask(
    {
      name: "heartbeat",
      firstAfterMs: 0,
      everyMs,
      async run(stopping) {
        if (!(await breaker.admit(stopping))) return;
        try {
          await reportReplica(pool, replica, heldKeys(), answerMs);
          await alsoAsk(pool, answerMs);
          breaker.succeeded();
          reached = true;
          refusal = undefined;
        } catch (error) {
          if (stopping.aborted) return;
          cutIdleConnections(pool);
          const { scope, message, code } = classifyFault(error);
          if (scope !== "database") {
            refusal = withoutContents(message, code);
            throw error;
          }
          breaker.failed(error);
        }
      },
    },
    observe,
  );
  const part = definePart({
    name: "heartbeat",
    start: () => beats.start(),
    async stop() {
      await beats.stop(farewellMs);
      // Where it can't be said, the silence says it.
      if (!breaker.isOpen) await settledWithin(retireReplica(pool, replica), farewellMs);
      await endPool(pool, 0);
    },
  });
  return {
    ...part,
    pool,
    get reached() {
      return reached;
    },
    get refusal() {
      return refusal;
    },
  };
}
