import type { QueueName } from "@centralcloud/contracts";
import type { Decimal } from "../oracle/decimal.ts";

/** What must become of a message: merged, or dead-lettered for this reason. */
export type Outcome =
  | "merged"
  | "invalid"
  | "unreadable"
  | "too-large"
  | "rejected"
  | "failed"
  | "delivery-limit";

/** What a message that is merged says, read by the one who wrote it and not by the code under test. */
export type Effect = PatternEffect | SessionEffect | KnowledgeEffect;

export interface PatternEffect {
  readonly kind: "pattern";
  readonly agentId: string;
  /** JSON text. */
  readonly pattern: string;
  readonly confidence: Decimal;
  /** Microseconds since 1970. */
  readonly learnedAt: bigint;
}

export interface SessionEffect {
  readonly kind: "session";
  readonly sessionId: string;
  readonly agentId: string;
  readonly confidence: Decimal;
  /** JSON text; a session has either this or `sealed`. */
  readonly state: string | undefined;
  /** JSON text. */
  readonly sealed: string | undefined;
  readonly ulid: string | undefined;
  /** Microseconds since 1970. */
  readonly syncedAt: bigint;
  /** The JSON text of the whole message: decides between two of the same version. */
  readonly document: string;
}

export interface KnowledgeEffect {
  readonly kind: "knowledge";
  readonly agentsUpdated: bigint;
  readonly totalPatterns: bigint;
  /** Microseconds since 1970. */
  readonly updatedAt: bigint;
  readonly agents: readonly AgentKnowledge[];
}

export interface AgentKnowledge {
  readonly agentId: string;
  readonly patternCount: bigint;
  readonly confidence: Decimal;
}

/** A message before it is sent. */
export interface Draft {
  readonly queue: QueueName;
  /** JSON text. */
  readonly body: string;
  readonly outcome: Outcome;
  /** What it does to the central store; undefined where it is never merged. */
  readonly effect: Effect | undefined;
}

/** A message of a run. It travels with its number in its headers, so that it is known wherever it ends. */
export interface LoadMessage extends Draft {
  readonly number: number;
  /** The source it is sent to, counted from 0. */
  readonly source: number;
}
