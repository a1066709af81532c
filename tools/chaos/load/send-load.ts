import type { QueueName } from "@centralcloud/contracts";
import { pause } from "@centralcloud/service";
import type pg from "pg";
import { type ChaosDatabase, isPassing } from "../servers/chaos-database.ts";
import type { SourceDatabase } from "../servers/prepare-databases.ts";
import type { Load } from "./load.ts";
import type { LoadMessage } from "./message.ts";
import { Random } from "./random.ts";

export interface SendOptions {
  readonly seed: number;
  readonly load: Load;
  readonly sources: readonly SourceDatabase[];
  /** Over how long the messages are spread. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

const largestChunk = 400;

/**
 * Sends every message of a load once, evenly over its time, in chunks of one to some hundred, each one
 * transaction. A chunk whose answer was lost is looked up before it is sent again. Resolves when all
 * are sent.
 */
export async function sendLoad(options: SendOptions): Promise<void> {
  await Promise.all(options.sources.map((_, source) => sendToSource(options, source)));
}

async function sendToSource(options: SendOptions, source: number): Promise<void> {
  const { seed, load, sources, durationMs, signal } = options;
  const database = sources[source]?.database;
  if (database === undefined) return;
  const random = new Random("chunks", seed, source);
  const startedAt = performance.now();
  for (let number = source; number < load.count && !signal.aborted; ) {
    const size = random.chance(0.2) ? 1 : random.integer(2, largestChunk);
    const chunk: LoadMessage[] = [];
    for (; chunk.length < size && number < load.count; number += sources.length) {
      chunk.push(load.message(number));
    }
    const dueMs = (number / load.count) * durationMs;
    await pause(startedAt + Math.min(dueMs, durationMs) - performance.now(), signal);
    await sendChunk(database, chunk, signal);
  }
}

async function sendChunk(
  database: ChaosDatabase,
  chunk: readonly LoadMessage[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await database.withClient((client) => sendOnce(client, chunk));
      return;
    } catch (error) {
      // It had been sent: the answer was lost, or came too late.
      if ((error as { code?: string }).code === "23505") return;
      if (!isPassing(error)) throw error;
    }
    await pause(100, signal);
  }
}

/** The numbers are the outbox's key, so a second time fails and sends nothing. */
async function sendOnce(client: pg.ClientBase, chunk: readonly LoadMessage[]): Promise<void> {
  await client.query("begin");
  for (const [queue, messages] of byQueue(chunk)) {
    const ids = await sendToQueue(client, queue, messages);
    // Nobody else sees them before the commit, so all are still there.
    await client.query(
      `insert into chaos.sent (number, queue, msg_id, enqueued_at)
       select (q.headers ->> 'chaos')::bigint, $1, q.msg_id, q.enqueued_at
         from pgmq."q_${queue}" q where q.msg_id = any ($2::bigint[])`,
      [queue, ids],
    );
  }
  await client.query("commit");
}

async function sendToQueue(
  client: pg.ClientBase,
  queue: string,
  messages: readonly LoadMessage[],
): Promise<string[]> {
  const bodies = messages.map(({ body }) => body);
  const headers = messages.map(({ number }) => `{"chaos": ${number}}`);
  const { rows } =
    messages.length === 1
      ? await client.query<{ id: string }>(
          "select s.id::text from pgmq.send($1::text, $2::jsonb, $3::jsonb) as s (id)",
          [queue, bodies[0], headers[0]],
        )
      : await client.query<{ id: string }>(
          "select s.id::text from pgmq.send_batch($1::text, $2::jsonb[], $3::jsonb[]) as s (id)",
          [queue, bodies, headers],
        );
  return rows.map(({ id }) => id);
}

function byQueue(chunk: readonly LoadMessage[]): Map<QueueName, LoadMessage[]> {
  const groups = new Map<QueueName, LoadMessage[]>();
  for (const message of chunk) {
    const group = groups.get(message.queue);
    if (group === undefined) groups.set(message.queue, [message]);
    else group.push(message);
  }
  return groups;
}
