import type { Random } from "../load/random.ts";
import { drawConfidence, drawExtra, drawInstant, writeObject } from "../load/values.ts";
import { addDecimals, compareDecimals, type Decimal } from "../oracle/decimal.ts";
import { jsonbText } from "../oracle/jsonb-text.ts";
import { keyOf, type Rows } from "../oracle/store-content.ts";
import {
  agentOf,
  asText,
  type ChaosQueue,
  type DraftContext,
  fingerprintOf,
  hexadecimal,
  microseconds,
  type QueueModel,
  spell,
  trimmed,
  type Written,
} from "./queue.ts";

interface PatternEffect {
  readonly agentId: string;
  /** JSON text. */
  readonly pattern: string;
  readonly confidence: Decimal;
  /** Microseconds since 1970. */
  readonly learnedAt: bigint;
}

type Table = "patterns" | "pattern_agents";

export const patternQueue: ChaosQueue<PatternEffect, Table> = {
  share: 60,
  write: writePattern,
  invalid: [
    '{"pattern":{},"learned_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"","pattern":{},"learned_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"a","pattern":null,"learned_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"a","pattern":[],"learned_at":"2025-10-25T10:00:00Z"}',
    '{"agent_id":"a","pattern":{},"learned_at":"yesterday"}',
    '{"agent_id":"a","pattern":{},"learned_at":"2025-02-29T10:00:00Z"}',
    '{"agent_id":"a","pattern":{},"learned_at":"2025-10-25T10:00:00Z","confidence":1.5}',
    '{"agent_id":"a","pattern":{},"learned_at":"2025-10-25T10:00:00Z","confidence":1.00000000000000000001}',
  ],
  agentTable: "pattern_agents",
  tables: {
    patterns: {
      key: [hexadecimal("fingerprint")],
      columns: [
        asText("pattern"),
        asText("observation_count"),
        asText("agent_count"),
        asText("source_count"),
        asText("source_ids"),
        trimmed("confidence_max"),
        trimmed("confidence_sum"),
        microseconds("first_learned_at"),
        microseconds("last_learned_at"),
      ],
    },
    pattern_agents: {
      key: [hexadecimal("fingerprint"), asText("source_id"), "agent_id"],
      columns: [asText("observation_count"), microseconds("last_learned_at")],
    },
  },
  createModel: () => new PatternModel(),
  rowsOf(effect, sourceId) {
    const fingerprint = fingerprintOf(effect.pattern);
    return [
      ["patterns", fingerprint],
      ["pattern_agents", fingerprint, sourceId, effect.agentId],
    ];
  },
};

function writePattern({ random, marks }: DraftContext): Written<PatternEffect> {
  const agent = agentOf(random, marks);
  const pattern = drawPattern(random);
  const confidence = drawConfidence(random);
  const learnedAt = drawInstant(random, 5_000);
  const document = writeObject(random, [
    ["agent_id", agent.json],
    ["pattern", pattern],
    ["confidence", confidence.json],
    ["learned_at", learnedAt.json],
    ["source", random.pick([undefined, '"chaos"', "null"])],
    drawExtra(random),
  ]);
  return {
    document,
    effect: {
      agentId: agent.meaning,
      pattern,
      confidence: confidence.meaning,
      learnedAt: learnedAt.meaning,
    },
  };
}

/** A few patterns that everybody sees, some that several see, and some that nobody else does. */
function drawPattern(random: Random): string {
  const frequency = random.fraction();
  if (frequency < 0.4) {
    const spelling = random.pick(["1", "1.0", "1.00"]);
    return `{"hot":${random.integer(1, 12)},"k":${spelling}}`;
  }
  if (frequency < 0.8) {
    const name = `"name":"pattern ${random.integer(1, 400)}"`;
    const rest = '"ecosystem":{"b":[1,{"c":null}],"aa":"é\\u0001\\\\/"}';
    return random.chance(0.5) ? `{${name},${rest}}` : `{ ${rest} , ${name} }`;
  }
  return `{"rare":${Math.floor(random.fraction() * 1e9)},"big":12345678901234567890,"exact":0.10}`;
}

interface AgentTotals {
  observations: number;
  last: bigint;
}

interface PatternTotals {
  readonly pattern: string;
  observations: number;
  readonly agents: Map<string, AgentTotals>;
  readonly sources: Set<string>;
  greatest: Decimal;
  sum: Decimal;
  first: bigint;
  last: bigint;
}

class PatternModel implements QueueModel<PatternEffect, Table> {
  readonly #patterns = new Map<string, PatternTotals>();

  add(sourceId: string, effect: PatternEffect): void {
    const { agentId, confidence, learnedAt } = effect;
    const fingerprint = fingerprintOf(effect.pattern);
    const totals = this.#patterns.get(fingerprint) ?? {
      pattern: jsonbText(effect.pattern),
      observations: 0,
      agents: new Map<string, AgentTotals>(),
      sources: new Set<string>(),
      greatest: confidence,
      sum: { unscaled: 0n, scale: 0 },
      first: learnedAt,
      last: learnedAt,
    };
    totals.observations += 1;
    totals.sources.add(sourceId);
    if (compareDecimals(confidence, totals.greatest) > 0) totals.greatest = confidence;
    totals.sum = addDecimals(totals.sum, confidence);
    if (learnedAt < totals.first) totals.first = learnedAt;
    if (learnedAt > totals.last) totals.last = learnedAt;
    const key = keyOf(fingerprint, sourceId, agentId);
    const agent = totals.agents.get(key) ?? { observations: 0, last: learnedAt };
    agent.observations += 1;
    if (learnedAt > agent.last) agent.last = learnedAt;
    totals.agents.set(key, agent);
    this.#patterns.set(fingerprint, totals);
  }

  content() {
    const [patterns, agents]: [Rows, Rows] = [new Map(), new Map()];
    for (const [fingerprint, totals] of this.#patterns) {
      patterns.set(fingerprint, {
        pattern: totals.pattern,
        observation_count: String(totals.observations),
        agent_count: String(totals.agents.size),
        source_count: String(totals.sources.size),
        source_ids: `{${[...totals.sources].sort().join(",")}}`,
        confidence_max: spell(totals.greatest),
        confidence_sum: spell(totals.sum),
        first_learned_at: String(totals.first),
        last_learned_at: String(totals.last),
      });
      for (const [key, { observations, last }] of totals.agents) {
        agents.set(key, {
          observation_count: String(observations),
          last_learned_at: String(last),
        });
      }
    }
    return { patterns, pattern_agents: agents };
  }
}
