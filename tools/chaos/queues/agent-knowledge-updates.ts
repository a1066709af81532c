import type { Random } from "../load/random.ts";
import { drawConfidence, drawCount, drawExtra, drawInstant, writeObject } from "../load/values.ts";
import { compareDecimals, type Decimal } from "../oracle/decimal.ts";
import { keyOf, type Rows } from "../oracle/store-content.ts";
import {
  agentOf,
  asText,
  type ChaosQueue,
  type DraftContext,
  type Marks,
  microseconds,
  type QueueModel,
  spell,
  trimmed,
  type Written,
} from "./queue.ts";

interface KnowledgeEffect {
  readonly agentsUpdated: bigint;
  readonly totalPatterns: bigint;
  /** Microseconds since 1970. */
  readonly updatedAt: bigint;
  readonly agents: readonly AgentKnowledge[];
}

interface AgentKnowledge {
  readonly agentId: string;
  readonly patternCount: bigint;
  readonly confidence: Decimal;
}

type Table = "agent_knowledge" | "knowledge_summaries";

export const knowledgeQueue: ChaosQueue<KnowledgeEffect, Table> = {
  share: 15,
  write: writeKnowledge,
  invalid: [
    '{"agents_updated":-1,"total_patterns":0,"updated_at":"2025-10-25T10:00:00Z"}',
    '{"agents_updated":1,"total_patterns":0.5,"updated_at":"2025-10-25T10:00:00Z"}',
    '{"agents_updated":1,"total_patterns":9007199254740993,"updated_at":"2025-10-25T10:00:00Z"}',
    '{"agents_updated":1,"total_patterns":1,"updated_at":"2025-10-25T10:00:00Z","agents":{}}',
    '{"agents_updated":1,"total_patterns":1,"updated_at":"2025-10-25T10:00:00Z","agents":[{"agent_id":"a"}]}',
  ],
  agentTable: "agent_knowledge",
  tables: {
    knowledge_summaries: {
      key: [asText("source_id"), microseconds("updated_at")],
      columns: [asText("agents_updated"), asText("total_patterns")],
    },
    agent_knowledge: {
      key: [asText("source_id"), "agent_id"],
      columns: [asText("pattern_count"), trimmed("confidence"), microseconds("updated_at")],
    },
  },
  createModel: () => new KnowledgeModel(),
  rowsOf: ({ updatedAt, agents }, sourceId) => [
    ["knowledge_summaries", sourceId, String(updatedAt)],
    ...agents.map(({ agentId }) => ["agent_knowledge", sourceId, agentId] as const),
  ],
};

function writeKnowledge({ random, marks }: DraftContext): Written<KnowledgeEffect> {
  const agentsUpdated = drawCount(random, 40);
  const totalPatterns = drawCount(random, 100_000);
  const updatedAt = drawInstant(random, 3_000);
  const known = Array.from({ length: random.integer(0, 4) }, () => drawAgent(random, {}));
  if (marks.agentId !== undefined) known.push(drawAgent(random, marks));
  const isLeftOut = known.length === 0 && random.chance(0.5);
  const document = writeObject(random, [
    ["agents_updated", agentsUpdated.json],
    ["total_patterns", totalPatterns.json],
    ["updated_at", updatedAt.json],
    ["agents", isLeftOut ? undefined : `[${known.map(({ document }) => document).join(",")}]`],
    drawExtra(random),
  ]);
  return {
    document,
    effect: {
      agentsUpdated: agentsUpdated.meaning,
      totalPatterns: totalPatterns.meaning,
      updatedAt: updatedAt.meaning,
      agents: known.map(({ effect }) => effect),
    },
  };
}

function drawAgent(random: Random, marks: Marks) {
  const agent = agentOf(random, marks);
  const patterns = drawCount(random, 500);
  const confidence = drawConfidence(random);
  const document = writeObject(random, [
    ["agent_id", agent.json],
    ["pattern_count", patterns.json],
    ["confidence", confidence.json],
  ]);
  const { meaning: agentId } = agent;
  const effect = { agentId, patternCount: patterns.meaning, confidence: confidence.meaning };
  return { document, effect };
}

interface Ordered {
  /** Compared from left to right; the greater row wins. */
  readonly order: readonly (bigint | Decimal)[];
}

interface Summary extends Ordered {
  readonly agentsUpdated: bigint;
  readonly totalPatterns: bigint;
}

interface Knowledge extends Ordered {
  readonly patternCount: bigint;
  readonly confidence: Decimal;
  readonly updatedAt: bigint;
}

class KnowledgeModel implements QueueModel<KnowledgeEffect, Table> {
  readonly #summaries = new Map<string, Summary>();
  readonly #knowledge = new Map<string, Knowledge>();

  add(sourceId: string, effect: KnowledgeEffect): void {
    const { agentsUpdated, totalPatterns, updatedAt } = effect;
    keepGreater(this.#summaries, keyOf(sourceId, String(updatedAt)), {
      order: [agentsUpdated, totalPatterns],
      agentsUpdated,
      totalPatterns,
    });
    for (const { agentId, patternCount, confidence } of effect.agents) {
      keepGreater(this.#knowledge, keyOf(sourceId, agentId), {
        order: [updatedAt, patternCount, confidence],
        patternCount,
        confidence,
        updatedAt,
      });
    }
  }

  content() {
    const [summaries, knowledge]: [Rows, Rows] = [new Map(), new Map()];
    for (const [key, { agentsUpdated, totalPatterns }] of this.#summaries) {
      summaries.set(key, {
        agents_updated: String(agentsUpdated),
        total_patterns: String(totalPatterns),
      });
    }
    for (const [key, { patternCount, confidence, updatedAt }] of this.#knowledge) {
      knowledge.set(key, {
        pattern_count: String(patternCount),
        confidence: spell(confidence),
        updated_at: String(updatedAt),
      });
    }
    return { knowledge_summaries: summaries, agent_knowledge: knowledge };
  }
}

function keepGreater<Row extends Ordered>(rows: Map<string, Row>, key: string, row: Row): void {
  const other = rows.get(key);
  if (other === undefined || compareOrders(row.order, other.order) > 0) rows.set(key, row);
}

function compareOrders(a: Ordered["order"], b: Ordered["order"]): number {
  for (const [index, value] of a.entries()) {
    const result = compareDecimals(toDecimal(value), toDecimal(b[index] ?? 0n));
    if (result !== 0) return result;
  }
  return 0;
}

function toDecimal(value: bigint | Decimal): Decimal {
  return typeof value === "bigint" ? { unscaled: value, scale: 0 } : value;
}
