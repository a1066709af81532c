import {
  Breaker,
  createLane,
  type IdleWatch,
  type Lane,
  type LaneHandler,
  type LaneOptions,
  type LaneStore,
} from "@centralcloud/lane";
import { QueueClient } from "@centralcloud/queue";
import type { Observe } from "@centralcloud/service";
import type { Pool } from "pg";

/** A store that takes everything, and remembers only what a test wants to see. */
export function storeThatMerges(merge: (ids: readonly string[]) => void): LaneStore {
  return {
    async merge(messages, beforeSend) {
      beforeSend();
      merge(messages.map(({ msgId }) => msgId));
      return { merged: messages.length, duplicates: 0 };
    },
    async lookUp(messages) {
      return messages.map(() => ({ merged: false, attempts: [] }));
    },
    async recordFailures(failures) {
      const attempt = (code: string, message: string) => [
        { at: new Date().toISOString(), consumer: null, error: { code, message } },
      ];
      return failures.map(({ code, error }) => attempt(code, error));
    },
    async forgetFailures() {},
  };
}

export interface TestLane extends Partial<Omit<LaneOptions, "name" | "queues" | "breakers">> {
  readonly queue: string;
  readonly handler: LaneHandler;
  readonly observe: Observe;
  readonly idleWatch?: IdleWatch;
}

/** A lane by itself, on a queue of its own, with breakers of its own. */
export function createTestLane(pool: Pool, { queue, ...options }: TestLane): Lane {
  const breaker = () => new Breaker({ onFailure() {}, onRecovery() {} });
  return createLane({
    ...options,
    name: { source: "test", queue },
    queues: new QueueClient(pool),
    breakers: { source: breaker(), central: breaker() },
  });
}
