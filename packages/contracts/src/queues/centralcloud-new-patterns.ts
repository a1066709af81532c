import * as z from "zod";
import { defineContract } from "../contract.ts";
import { freeObject, identifier, optionalConfidence, text, timestamp } from "../fields.ts";
import { mustBeObject } from "../issues.ts";

/** Something an agent learned. Extra keys are kept. */
const patternSchema = z
  .looseObject(
    {
      agent_id: identifier,
      pattern: freeObject,
      learned_at: timestamp,
      confidence: optionalConfidence,
      source: text.nullish(),
    },
    { error: mustBeObject },
  )
  .meta({
    title: "Pattern",
    description: "Something an agent learned",
    examples: [
      {
        agent_id: "agent-123",
        pattern: { name: "gen_server_pattern", ecosystem: "elixir" },
        confidence: 0.95,
        learned_at: "2025-10-25T10:00:00Z",
        source: "singularity-learning",
      },
    ],
  });

export type PatternMessage = z.infer<typeof patternSchema>;

export const patternContract = defineContract({
  queue: "centralcloud-new-patterns",
  version: "pattern/1",
  schema: patternSchema,
  merge: "merge_patterns",
  tables: ["patterns", "pattern_agents"],
  time: "learned_at",
  captured: { table: "learned_patterns", time: "learned_at", of: "agent" },
  shown: {
    agent_id: "identifier",
    pattern: "sensitive",
    learned_at: "timestamp",
    confidence: "number",
    source: "name",
  },
  mayHideDigits: ({ agent_id, confidence }) =>
    typeof agent_id === "number" || Number.isInteger(confidence),
});
