import { createHash } from "node:crypto";
import type { Random } from "../load/random.ts";
import type { Seals } from "../load/seals.ts";
import { drawAgentId } from "../load/values.ts";
import { type Decimal, formatDecimal, trimDecimal } from "../oracle/decimal.ts";
import { jsonbText } from "../oracle/jsonb-text.ts";
import type { Rows } from "../oracle/store-content.ts";

/** A document that its contract accepts, and what it says, told by the one who wrote it and not by the code under test. */
export interface Written<Effect> {
  readonly document: string;
  readonly effect: Effect;
}

/** What a message is about, where it is not drawn: marked agents, whom the database treats in its own way. */
export interface Marks {
  readonly agentId?: string;
  readonly sessionId?: string;
}

export interface DraftContext {
  readonly random: Random;
  readonly seals: Seals;
  readonly marks: Marks;
}

/** How a table of the central store is read: the columns of its key, then those that are compared. */
export interface ReadTable {
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

/** What the tables of a queue must hold after a set of messages, in any order. */
export interface QueueModel<Effect, Table extends string> {
  add(sourceId: string, effect: Effect): void;
  /** Every row, its values spelled as {@link ReadTable} has them read. */
  content(): Readonly<Record<Table, Rows>>;
}

/** What the suite must know of a queue to send its messages, and to say what the central store must hold then. */
export interface ChaosQueue<Effect extends object, Table extends string> {
  /** How many messages of a load are of it, against the shares of the other queues. */
  readonly share: number;
  write(context: DraftContext): Written<Effect>;
  /** Bodies that its contract refuses, beside those that every contract does. */
  readonly invalid: readonly [string, ...string[]];
  /** The table in which each message has a row with the `agent_id` that it names. */
  readonly agentTable: Table;
  readonly tables: Readonly<Record<Table, ReadTable>>;
  createModel(): QueueModel<Effect, Table>;
  /** The rows that a message has a part in: their table and key. */
  rowsOf(effect: Effect, sourceId: string): readonly (readonly [Table, ...string[]])[];
}

export function agentOf(random: Random, { agentId }: Marks): { json: string; meaning: string } {
  if (agentId === undefined) return drawAgentId(random);
  return { json: JSON.stringify(agentId), meaning: agentId };
}

/** The sha256 of what `jsonb` makes of a JSON text, in hexadecimal digits. */
export function fingerprintOf(json: string): string {
  return createHash("sha256").update(jsonbText(json)).digest("hex");
}

export function spell(decimal: Decimal): string {
  return formatDecimal(trimDecimal(decimal));
}

/* Columns as text without any spelling that does not matter. */

export const microseconds = (column: string) =>
  `(extract(epoch from ${column}) * 1000000)::bigint::text as ${column}`;
export const trimmed = (column: string) => `trim_scale(${column})::text as ${column}`;
export const hexadecimal = (column: string) => `encode(${column}, 'hex') as ${column}`;
export const orEmpty = (column: string) => `coalesce(${column}::text, '') as ${column}`;
export const asText = (column: string) => `${column}::text as ${column}`;
