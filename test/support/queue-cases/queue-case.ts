import type fc from "fast-check";

/** A message as its keys and the JSON text of each value, so that no value is ever a JavaScript number. */
export type Fields = Readonly<Record<string, string>>;

/** A row as PostgreSQL writes it, its times in UTC. */
export type StoredRow = Readonly<Record<string, string | null>>;

export type KeyType =
  | "identifier"
  | "text"
  | "time"
  | "number"
  | "fraction"
  | "object"
  | "list"
  | "seal";

/** What the tests that hold for every queue must know of one. */
export interface QueueCase {
  /** Messages that its contract accepts, about so few things that they collide often: JSON text. */
  readonly text: fc.Arbitrary<string>;
  /** Number n, from 0 to 4, of five messages that change the same rows as every five do, each to something new: JSON. */
  colliding(n: number): object;
  /** The tables whose rows its merge changes, in the order in which it comes to lock them. */
  readonly lockedTables: readonly string[];
  /** Number n of messages that make a row each: JSON. */
  distinct(n: number): object;
  /** A valid message that only its mark tells from others. */
  marked(mark: number): Fields;
  /** The keys that a message must have, and what is at each. */
  readonly required: Readonly<Record<string, KeyType>>;
  /** Those that it may leave out, or have null at. */
  readonly optional: Readonly<Record<string, KeyType>>;
  /** A query of the central store that gives what marked messages said, by `key`. */
  readonly stored: string;
  keyOf(mark: number, expected: StoredRow): string;
  /**
   * Queries that give the same rows where the central store is what archived messages make of it: of the archive, message
   * by message and without any of the merge's craft, and of the central store.
   */
  readonly accounts: Readonly<
    Record<string, { readonly archived: string; readonly central: string }>
  >;
}

export const json = JSON.stringify;

/** A time of its own for each mark. */
export function timeOf(mark: number): string {
  return new Date(Date.UTC(2025, 0, 1) + mark * 1000).toISOString();
}

let greater = 0;

/** Grows, so that each message has something to change. */
export function greaterNumber(): number {
  greater += 1;
  return greater;
}

/** A time in second n, later than any that was given before for that second. */
export function laterAt(n: number): string {
  return `2025-10-25T10:00:0${n}.${String(greaterNumber()).padStart(6, "0")}Z`;
}

/** A query of the archived documents of a queue, `doc`. */
export const documents = (queue: string) => `
  select case jsonb_typeof(a.message) when 'string' then (a.message #>> '{}')::jsonb else a.message end as doc
    from pgmq."a_${queue}" a`;

export const named = (value: string) => `
  case jsonb_typeof(${value}) when 'number' then trim_scale((${value})::numeric)::text else (${value}) #>> '{}' end`;

export const sure = (value: string) => `coalesce((${value})::numeric, 0.5)`;
