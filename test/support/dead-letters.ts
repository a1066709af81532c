import { type QueueName, queueNames } from "@centralcloud/contracts";
import type {
  DeadLetterActionOptions,
  DeadLetterScope,
  DeadLetterSource,
} from "@centralcloud/dead-letters";
import type { TestDatabase, TestSystem } from "./databases.ts";
import { patternMessage } from "./messages.ts";

export const patterns = "centralcloud-new-patterns";

/** A database as the package of dead letters sees it. */
export async function sourceOf({ pool }: TestDatabase): Promise<DeadLetterSource> {
  const { rows } = await pool.query<{ sourceId: string; name: string }>(
    `select source_id as "sourceId", name from singularity_source`,
  );
  return { ...(rows[0] as { sourceId: string; name: string }), pool };
}

export async function scopeOf(
  { singularity }: TestSystem,
  queues: readonly QueueName[] = queueNames,
): Promise<DeadLetterScope> {
  return { sources: [await sourceOf(singularity)], queues };
}

export interface DeadLetterParts {
  readonly queue?: QueueName;
  /** JSON text of the original message. */
  readonly original?: string;
  /** JSON text. */
  readonly originalHeaders?: string;
  readonly reason?: string;
  readonly code?: string;
  readonly error?: string;
  /** When it died; default: now. */
  readonly at?: string;
  readonly originalId?: number;
  readonly originalEnqueuedAt?: string;
}

/** Puts a dead letter as a consumer would, and gives its id. */
export async function putDeadLetter(
  { pool }: TestDatabase,
  {
    queue = patterns,
    original = patternMessage(),
    originalHeaders = "null",
    reason = "invalid",
    code = "out_of_range",
    error = "confidence must be between 0 and 1",
    at,
    originalId = 42,
    originalEnqueuedAt = "2025-10-25T10:00:00.123456+00:00",
  }: DeadLetterParts = {},
): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `insert into pgmq."q_${queue}-dlq" (vt, enqueued_at, message)
     values (clock_timestamp(), coalesce($1::timestamptz, clock_timestamp()),
             jsonb_build_object('original_message', $2::jsonb, 'original_message_id', $3::bigint,
               'original_enqueued_at', $4::text, 'original_headers', $5::jsonb, 'queue', $6::text,
               'read_count', 1, 'reason', $7::text,
               'error', jsonb_build_object('code', $8::text, 'message', $9::text), 'attempts', '[]'::jsonb,
               'dead_lettered_at', clock_timestamp()))
     returning msg_id::text as id`,
    [
      at ?? null,
      original,
      originalId,
      originalEnqueuedAt,
      originalHeaders,
      queue,
      reason,
      code,
      error,
    ],
  );
  return rows[0]?.id ?? "";
}

/** Puts so many dead letters, whose messages are the numbers from 1 on. */
export async function putDeadLetters({ pool }: TestDatabase, count: number): Promise<void> {
  await pool.query(
    `insert into pgmq."q_${patterns}-dlq" (vt, message)
     select now(), jsonb_build_object('original_message', i) from generate_series(1, $1) i`,
    [count],
  );
}

/** Puts JSON that no consumer of ours would, straight into a dead-letter queue. */
export async function putOddDeadLetter(
  { pool }: TestDatabase,
  body: string | null,
  headers: string | null = null,
): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `insert into pgmq."q_${patterns}-dlq" (vt, message, headers)
     values (clock_timestamp(), $1, $2) returning msg_id::text as id`,
    [body, headers],
  );
  return rows[0]?.id ?? "";
}

/** What bulk actions of tests are given. */
export function actionOn(
  { central }: TestSystem,
  changes: Partial<DeadLetterActionOptions> = {},
): DeadLetterActionOptions {
  const request = { actor: "test@host", reason: "a test" };
  return { central: central.pool, request, all: true, ...changes };
}

export const judge = { maxMessageBytes: 1_048_576, requireSealed: false };

/** Empties queues, dead-letter queues and archives of a system, and its record of actions. */
export async function emptyQueues({ singularity, central }: TestSystem): Promise<void> {
  const tables = queueNames.flatMap((queue) =>
    ["q", "a"].flatMap((kind) => [`pgmq."${kind}_${queue}"`, `pgmq."${kind}_${queue}-dlq"`]),
  );
  await singularity.pool.query(`truncate ${tables.join(", ")}`);
  await central.pool.query("delete from central.operator_actions");
}

/** Rows of a table of pgmq, their JSON as text. */
export async function rowsOf(
  { pool }: TestDatabase,
  table: string,
): Promise<{ msg_id: string; message: string; headers: Record<string, unknown> | null }[]> {
  const { rows } = await pool.query(
    `select q.msg_id::text, q.message::text, q.headers from pgmq."${table}" q order by q.msg_id`,
  );
  return rows;
}

/** What an iterator gives; Node 20 has no `Array.fromAsync`. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The central database's record of what was done to dead letters, oldest first. */
export async function actionsIn({ central }: TestSystem): Promise<Record<string, unknown>[]> {
  const { rows } = await central.pool.query(
    `select actor, action, reason, selection, message_count, finished_at is not null as finished
       from central.operator_actions order by id`,
  );
  return rows;
}
