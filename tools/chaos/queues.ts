import type { ContractOf, MergedTable, QueueName } from "@centralcloud/contracts";
import { knowledgeQueue } from "./queues/agent-knowledge-updates.ts";
import { sessionQueue } from "./queues/agent-sessions.ts";
import { patternQueue } from "./queues/centralcloud-new-patterns.ts";
import type { ChaosQueue } from "./queues/queue.ts";

/** Each with exactly the tables that its contract names. */
type ChaosQueues = {
  readonly [Queue in QueueName]: ChaosQueue<object, ContractOf<Queue>["tables"][number]>;
};

const queues = {
  "centralcloud-new-patterns": patternQueue,
  "agent-sessions": sessionQueue,
  "agent-knowledge-updates": knowledgeQueue,
} satisfies ChaosQueues;

/** An effect is only ever given to the queue whose message it is of. */
export function chaosQueue(queue: QueueName): ChaosQueue<object, MergedTable> {
  return queues[queue] as ChaosQueue<object, MergedTable>;
}
