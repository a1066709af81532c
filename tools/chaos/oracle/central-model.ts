import { createHash } from "node:crypto";
import type {
  Effect,
  KnowledgeEffect,
  LoadMessage,
  PatternEffect,
  SessionEffect,
} from "../load/message.ts";
import {
  addDecimals,
  compareDecimals,
  type Decimal,
  formatDecimal,
  trimDecimal,
} from "./decimal.ts";
import { jsonbText } from "./jsonb-text.ts";
import { emptyContent, keyOf, type StoreContent } from "./store-content.ts";

export interface KnownSource {
  readonly sourceId: string;
  readonly name: string;
}

/**
 * What the central store must hold after a set of messages, whatever their order: computed here from
 * what was sent, and from nothing that the system says of itself.
 */
export class CentralModel {
  readonly #sources: readonly KnownSource[];
  readonly #patterns = new Map<string, PatternTotals>();
  readonly #sessions = new Map<string, SessionVersion>();
  readonly #summaries = new Map<string, Summary>();
  readonly #knowledge = new Map<string, Knowledge>();

  /** @param sources all that are consumed, in the order of their numbers. */
  constructor(sources: readonly KnownSource[]) {
    this.#sources = sources;
  }

  add(message: Pick<LoadMessage, "source"> & { readonly effect: Effect }): void {
    const sourceId = this.#sources[message.source]?.sourceId ?? "";
    const { effect } = message;
    if (effect.kind === "pattern") this.#addPattern(sourceId, effect);
    else if (effect.kind === "session") this.#addSession(sourceId, effect);
    else this.#addKnowledge(sourceId, effect);
  }

  #addPattern(sourceId: string, effect: PatternEffect): void {
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

  #addSession(sourceId: string, effect: SessionEffect): void {
    const key = keyOf(sourceId, effect.sessionId);
    const version = { effect, hash: fingerprintOf(effect.document) };
    const other = this.#sessions.get(key);
    if (other === undefined || isNewer(version, other)) this.#sessions.set(key, version);
  }

  #addKnowledge(sourceId: string, effect: KnowledgeEffect): void {
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

  /** Every row of each table, its values spelled as {@link readStore} spells them. */
  content(): StoreContent {
    const content = emptyContent();
    for (const { sourceId, name } of this.#sources) content.sources.set(sourceId, { name });
    for (const [fingerprint, totals] of this.#patterns) {
      content.patterns.set(fingerprint, {
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
        content.pattern_agents.set(key, {
          observation_count: String(observations),
          last_learned_at: String(last),
        });
      }
    }
    for (const [key, { effect, hash }] of this.#sessions) {
      content.agent_sessions.set(key, {
        agent_id: effect.agentId,
        confidence: spell(effect.confidence),
        session_state: effect.state === undefined ? "" : jsonbText(effect.state),
        sealed: effect.sealed === undefined ? "" : jsonbText(effect.sealed),
        ulid: effect.ulid ?? "",
        synced_at: String(effect.syncedAt),
        message_hash: hash,
      });
    }
    for (const [key, { agentsUpdated, totalPatterns }] of this.#summaries) {
      content.knowledge_summaries.set(key, {
        agents_updated: String(agentsUpdated),
        total_patterns: String(totalPatterns),
      });
    }
    for (const [key, { patternCount, confidence, updatedAt }] of this.#knowledge) {
      content.agent_knowledge.set(key, {
        pattern_count: String(patternCount),
        confidence: spell(confidence),
        updated_at: String(updatedAt),
      });
    }
    return content;
  }
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

interface SessionVersion {
  readonly effect: SessionEffect;
  readonly hash: string;
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

/** The sha256 of what `jsonb` makes of a JSON text, in hexadecimal digits. */
export function fingerprintOf(json: string): string {
  return createHash("sha256").update(jsonbText(json)).digest("hex");
}

/** By the version that the source assigned, and between equal ones by the message's hash. */
function isNewer(a: SessionVersion, b: SessionVersion): boolean {
  if (a.effect.syncedAt !== b.effect.syncedAt) return a.effect.syncedAt > b.effect.syncedAt;
  const ulids = Buffer.compare(Buffer.from(a.effect.ulid ?? ""), Buffer.from(b.effect.ulid ?? ""));
  return ulids === 0 ? a.hash > b.hash : ulids > 0;
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

function spell(decimal: Decimal): string {
  return formatDecimal(trimDecimal(decimal));
}
