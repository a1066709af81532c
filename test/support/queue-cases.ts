import type { QueueName } from "@centralcloud/contracts";
import { knowledgeCase } from "./queue-cases/agent-knowledge-updates.ts";
import { sessionCase } from "./queue-cases/agent-sessions.ts";
import { patternCase } from "./queue-cases/centralcloud-new-patterns.ts";
import type { QueueCase } from "./queue-cases/queue-case.ts";

export const queueCases: Readonly<Record<QueueName, QueueCase>> = {
  "centralcloud-new-patterns": patternCase,
  "agent-sessions": sessionCase,
  "agent-knowledge-updates": knowledgeCase,
};
