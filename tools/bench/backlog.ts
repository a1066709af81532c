import type { Pool } from "pg";
import type { Database } from "./stage.ts";

/** What waits in a queue before a run. The same numbers make the same messages, everywhere. */
export interface Backlog {
  readonly messages: number;
  /** Of each message's JSON text, about. */
  readonly bytes: number;
  /** One message in a hundred is like this. */
  readonly poison?: "invalid" | "refused";
}

export const queue = "centralcloud-new-patterns";

/** In words, for whoever reads the figures. */
export const payload =
  "pattern messages of 1,000 agents: every other one a pattern never seen before, the others of 5,000 " +
  "known ones, the first of them most often; text that hardly compresses";

/**
 * Message number i. What is in it follows from i alone, by a hash; filler depends on the pattern only,
 * since equal patterns are equal documents.
 */
const functions = `
  create schema bench;
  create function bench.draw(i bigint, seed bigint) returns double precision language sql immutable
    return (hashint8extended(i, seed) & 2147483647) / 2147483648.0::double precision;
  create function bench.agent_of(i bigint) returns integer language sql immutable
    return floor(1000 * bench.draw(i, 1))::integer;
  create function bench.pattern_of(i bigint) returns bigint language sql immutable
    return case when i % 2 = 0 then 1000000 + i else floor(5000 * power(bench.draw(i, 2), 2))::bigint end;
  create function bench.confidence_of(i bigint) returns numeric language sql immutable
    return (50 + floor(50 * bench.draw(i, 3))::integer) / 100.0;
  create function bench.is_poison(i bigint) returns boolean language sql immutable
    return i % 100 = 50;
  create function bench.pattern_document(p bigint, bytes integer) returns jsonb language sql immutable
    return jsonb_build_object(
      'name', 'pattern-' || p, 'ecosystem', 'elixir', 'uses', p % 17,
      'text', left((select string_agg(md5(p || '/' || k), '') from generate_series(0, bytes / 32) k),
                   greatest(bytes - 223, 0)));
  create function bench.message(i bigint, bytes integer, poison text) returns jsonb language sql immutable
    return jsonb_build_object(
      'agent_id', 'agent-' || bench.agent_of(i),
      'pattern', bench.pattern_document(bench.pattern_of(i), bytes)
        || case when poison = 'refused' and bench.is_poison(i) then '{"poison": true}' else '{}' end::jsonb,
      'confidence', bench.confidence_of(i),
      'learned_at', timestamptz '2026-01-01 00:00:00Z' + i * interval '1 millisecond',
      'source', 'singularity-learning'
    ) - case when poison = 'invalid' and bench.is_poison(i) then 'agent_id' else '' end;`;

/** Gives a database the functions that make the messages. */
export async function installMessages({ pool }: Database): Promise<void> {
  await pool.query(functions);
}

/** Calls `send` with ranges of message numbers, from 1, small enough for one statement each. */
export async function inChunks(
  { messages, bytes }: Backlog,
  send: (first: number, last: number) => Promise<unknown>,
): Promise<void> {
  const chunk = Math.max(1, Math.min(10_000, Math.floor(20_000_000 / bytes)));
  for (let first = 1; first <= messages; first += chunk) {
    await send(first, Math.min(messages, first + chunk - 1));
  }
}

/** Sends a backlog to pgmq's queue, made by the server itself: the messages that follow number `after`. */
export async function fillQueue(
  { pool }: { readonly pool: Pick<Pool, "query"> },
  backlog: Backlog,
  after = 0,
): Promise<void> {
  const { bytes, poison = "" } = backlog;
  await inChunks(backlog, (first, last) =>
    pool.query(
      `select count(*) from pgmq.send_batch($1, (
         select array_agg(bench.message(i, $2, $3) order by i) from generate_series($4::bigint, $5::bigint) i))`,
      [queue, bytes, poison, after + first, after + last],
    ),
  );
}

/** What the central store must hold after a backlog was merged, each message once. */
export interface Content {
  readonly messages: string;
  readonly patterns: string;
  readonly agents: string;
  readonly confidence: string;
}

/** Computed from the messages' numbers, not by any merge. */
export async function expectedContent(pool: Pool, backlog: Backlog): Promise<Content> {
  const { rows } = await pool.query<Content>(
    `select count(*)::text as messages, count(distinct bench.pattern_of(i))::text as patterns,
            count(distinct (bench.pattern_of(i), bench.agent_of(i)))::text as agents,
            trim_scale(coalesce(sum(bench.confidence_of(i)), 0))::text as confidence
       from generate_series(1, $1::bigint) i where not ($2 and bench.is_poison(i))`,
    [backlog.messages, backlog.poison !== undefined],
  );
  return rows[0] as Content;
}
