import { knowledgeContract } from "./queues/agent-knowledge-updates.ts";
import { sessionContract } from "./queues/agent-sessions.ts";
import { patternContract } from "./queues/centralcloud-new-patterns.ts";

/** One contract a queue, in the order in which queues are listed. What else a queue needs, `scripts/queues.mjs` names. */
const contracts = [patternContract, sessionContract, knowledgeContract] as const;

type AnyContract = (typeof contracts)[number];

/** A queue of a Singularity database that CentralCloud reads. The names are part of the interface. */
export type QueueName = AnyContract["queue"];

export type ContractOf<Queue extends QueueName> = Extract<AnyContract, { readonly queue: Queue }>;

/** The queues whose messages change capture has, too, as rows. */
export type CapturedQueue = Exclude<AnyContract, { readonly captured: null }>["queue"];

/** A table of the central store that some merge writes to. */
export type MergedTable = AnyContract["tables"][number];

export const queueNames: readonly QueueName[] = contracts.map(({ queue }) => queue);

const byQueue = new Map<string, AnyContract>(contracts.map((one) => [one.queue, one]));

export function contractFor<Queue extends QueueName>(queue: Queue): ContractOf<Queue> {
  return byQueue.get(queue) as ContractOf<Queue>;
}

/** Where the messages of a queue go that can't be merged. */
export function deadLetterQueueOf<Q extends QueueName>(queue: Q): `${Q}-dlq` {
  return `${queue}-dlq`;
}

export function isQueueName(name: string): name is QueueName {
  return byQueue.has(name);
}
