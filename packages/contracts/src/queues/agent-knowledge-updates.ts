import * as z from "zod";
import { defineContract } from "../contract.ts";
import { count, identifier, optionalConfidence, timestamp } from "../fields.ts";
import { mustBeObject } from "../issues.ts";
import { listOf } from "../list.ts";

/** What one agent knows; the part of a summary that older producers leave out. */
const agentKnowledge = z.looseObject(
  { agent_id: identifier, pattern_count: count, confidence: optionalConfidence },
  { error: mustBeObject },
);

/** How much the agents of one Singularity database know together. Extra keys are kept. */
const knowledgeSchema = z
  .looseObject(
    {
      agents_updated: count,
      total_patterns: count,
      updated_at: timestamp,
      agents: listOf(agentKnowledge).nullish(),
    },
    { error: mustBeObject },
  )
  .meta({
    title: "Knowledge",
    description: "How much the agents of one Singularity database know together",
    examples: [
      {
        agents_updated: 1,
        total_patterns: 127,
        updated_at: "2025-10-25T10:00:00Z",
        agents: [{ agent_id: "agent-123", pattern_count: 127, confidence: 0.9 }],
      },
    ],
  });

export type KnowledgeMessage = z.infer<typeof knowledgeSchema>;

export const knowledgeContract = defineContract({
  queue: "agent-knowledge-updates",
  version: "knowledge/1",
  schema: knowledgeSchema,
  merge: "merge_knowledge",
  tables: ["agent_knowledge", "knowledge_summaries"],
  time: "updated_at",
  captured: null, // a summary is of many rows
  shown: {
    agents_updated: "number",
    total_patterns: "number",
    updated_at: "timestamp",
    agents: [{ agent_id: "identifier", pattern_count: "number", confidence: "number" }],
  },
  // counts are whole numbers, so any of them may
  mayHideDigits: () => true,
});
