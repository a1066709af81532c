/** The queues of a Singularity database that CentralCloud reads. Their names are part of the interface. */
export const queueNames = [
  "centralcloud-new-patterns",
  "agent-sessions",
  "agent-knowledge-updates",
] as const;

export type QueueName = (typeof queueNames)[number];

/** Where the messages of a queue go that can't be merged. */
export function deadLetterQueueOf<Q extends QueueName>(queue: Q): `${Q}-dlq` {
  return `${queue}-dlq`;
}

export function isQueueName(name: string): name is QueueName {
  return queueNames.some((queue) => queue === name);
}
