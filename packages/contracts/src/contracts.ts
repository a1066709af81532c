import { knowledgeContract } from "./knowledge.ts";
import { patternContract } from "./pattern.ts";
import type { QueueName } from "./queues.ts";
import { sessionContract } from "./session.ts";

const contracts = {
  "centralcloud-new-patterns": patternContract,
  "agent-sessions": sessionContract,
  "agent-knowledge-updates": knowledgeContract,
} satisfies { readonly [Queue in QueueName]: { readonly queue: Queue } };

export type ContractOf<Queue extends QueueName> = (typeof contracts)[Queue];

export function contractFor<Queue extends QueueName>(queue: Queue): ContractOf<Queue> {
  return contracts[queue];
}
