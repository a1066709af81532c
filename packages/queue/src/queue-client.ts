import { QueueArchive } from "./archive.ts";
import { type MovedMessage, moveToDeadLetters } from "./dead-letter.ts";
import type { DeadLetter } from "./dead-letter-format.ts";
import {
  type ClaimedMessage,
  claims,
  claimValues,
  identities,
  identityValues,
  isClaimed,
  type MessageIdentity,
} from "./message.ts";
import {
  countInserted,
  nextVisibleInMs,
  type QueueDepth,
  type QueueMetrics,
  readDepth,
  readMetrics,
} from "./queue-state.ts";
import { type Queryable, queueTable } from "./queue-table.ts";
import {
  isReaderNotNeeded,
  isSlotHeldByReader,
  type ReaderSlotRequest,
  type ReadLimits,
  readMessages,
  type SlotRefusal,
} from "./read.ts";

/**
 * The queues of one source, for pgmq 1.5 to 1.11: columns by name, message ids as strings of digits, message bodies as
 * JSON text that never becomes a JavaScript number. Statements about messages name each by its identity, those about
 * claimed messages by identity, read count and claim token; pgmq's own functions name a message by its id alone.
 */
export class QueueClient {
  readonly #db: Queryable;
  readonly #archive: QueueArchive;

  constructor(db: Queryable) {
    this.#db = db;
    this.#archive = new QueueArchive(db);
  }

  /** Makes a queue; nothing happens if it exists. */
  async create(queue: string): Promise<void> {
    await this.#db.query("select pgmq.create($1)", [queue]);
  }

  async list(): Promise<readonly string[]> {
    const { rows } = await this.#db.query<{ queue_name: string }>(
      "select queue_name from pgmq.list_queues() order by queue_name",
    );
    return rows.map((row) => row.queue_name);
  }

  /**
   * @param body the message's JSON text, sent as it is.
   * @param headers the headers' JSON text.
   * @returns the new message's id.
   */
  async send(queue: string, body: string, headers?: string): Promise<string> {
    const { rows } = await this.#db.query<{ msg_id: string }>(
      "select s.msg_id::text from pgmq.send($1, $2::jsonb, $3::jsonb) as s (msg_id)",
      [queue, body, headers ?? null],
    );
    return (rows[0] as { msg_id: string }).msg_id;
  }

  /** Sends many messages in one statement; `headers`, where given, has one JSON text a message. */
  async sendBatch(
    queue: string,
    bodies: readonly string[],
    headers?: readonly string[],
  ): Promise<readonly string[]> {
    if (bodies.length === 0) return [];
    const { rows } = await this.#db.query<{ msg_id: string }>(
      "select s.msg_id::text from pgmq.send_batch($1, $2::jsonb[], $3::jsonb[]) as s (msg_id)",
      [queue, bodies, headers ?? null],
    );
    return rows.map((row) => row.msg_id);
  }

  /** Claims up to `quantity` visible messages, oldest first. */
  async read(queue: string, limits: ReadLimits): Promise<readonly ClaimedMessage[]> {
    const messages = await readMessages(this.#db, queue, limits);
    return typeof messages === "string" ? [] : messages;
  }

  /**
   * Claims messages as {@link read} does, but only if it gets a reader slot among all processes that read the queue:
   * concurrent reads step over each other's rows, so many of them are slower together than a few.
   *
   * @returns the messages, or why nothing was claimed.
   */
  async readWithSlot(
    queue: string,
    limits: ReadLimits,
    slot: ReaderSlotRequest,
  ): Promise<readonly ClaimedMessage[] | SlotRefusal> {
    const { unlessOthers } = slot;
    if (
      unlessOthers?.asksFirst &&
      (await isReaderNotNeeded(this.#db, queue, limits, unlessOthers))
    ) {
      return "not-needed";
    }
    return await readMessages(this.#db, queue, limits, slot);
  }

  /** Whether a login that may read the queue holds any of its reader slots; see {@link isSlotHeldByReader}. */
  async isSlotHeldByReader(queue: string): Promise<boolean> {
    return await isSlotHeldByReader(this.#db, queue);
  }

  /**
   * Moves messages to the queue's archive and says how many there were. Messages that another
   * consumer has archived already are not counted.
   */
  async archive(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
    return await this.#archive.add(queue, messages);
  }

  /**
   * Extends the lease of claimed messages: they stay invisible as long from now as their read made them. They must be
   * of one read.
   *
   * @returns the ids of those whose lease was extended. The others were claimed by another reader, or are visible
   *   again, or have left the queue.
   */
  async extendLease(
    queue: string,
    messages: readonly ClaimedMessage[],
  ): Promise<readonly string[]> {
    const [first] = messages;
    if (first === undefined) return [];
    const visibleAt = first.claimToken.extend();
    const { rows } = await this.#db.query<{ msg_id: string }>(
      // A timeout in the past extends nothing: the source's clock was set forward, or this process was suspended.
      `with extended as (
         update ${queueTable(queue, "q")} q
            set vt = timestamptz 'epoch' + $5::bigint * interval '1 microsecond'
           from ${claims}
          where ${isClaimed}
         returning q.msg_id, q.vt
       )
       select msg_id::text from extended where vt > clock_timestamp()`,
      [...claimValues(messages), visibleAt],
    );
    return rows.map((row) => row.msg_id);
  }

  /**
   * Releases claimed messages: they are visible again now, as if this read had not been; the delivery is not counted.
   * Messages that another reader has claimed since are left alone.
   *
   * @returns how many were released.
   */
  async release(queue: string, messages: readonly ClaimedMessage[]): Promise<number> {
    if (messages.length === 0) return 0;
    const { rowCount } = await this.#db.query(
      `update ${queueTable(queue, "q")} q
          set vt = clock_timestamp(), read_ct = q.read_ct - 1
         from ${claims}
        where ${isClaimed}`,
      claimValues(messages),
    );
    return rowCount ?? 0;
  }

  /**
   * Releases claimed messages with a delay: each is visible again in so many seconds, all in one statement. Their
   * deliveries so far had a result, so they count no more; one is left as a sign that there were some. Messages that
   * another reader has claimed since are left alone.
   *
   * @returns how many were released.
   */
  async releaseWithDelay(
    queue: string,
    delays: readonly { readonly message: ClaimedMessage; readonly seconds: number }[],
  ): Promise<number> {
    if (delays.length === 0) return 0;
    const { rowCount } = await this.#db.query(
      `update ${queueTable(queue, "q")} q
          set vt = clock_timestamp() + make_interval(secs => i.seconds), read_ct = least(q.read_ct, 1)
         from unnest($1::bigint[], $2::timestamptz[], $3::integer[], $5::float8[])
           as i (msg_id, enqueued_at, read_ct, seconds)
        where ${isClaimed}`,
      [...claimValues(delays.map(({ message }) => message)), delays.map(({ seconds }) => seconds)],
    );
    return rowCount ?? 0;
  }

  /**
   * Moves claimed messages to the dead-letter queue, each with its reason and its failed attempts.
   *
   * @param consumer the replica that dead-letters them, as the dead letters shall say.
   * @returns those that were moved; a message that another reader has claimed since is left to that reader.
   */
  async deadLetter(
    queue: string,
    deadLetters: readonly DeadLetter[],
    consumer: string | null = null,
  ): Promise<readonly MovedMessage[]> {
    return await moveToDeadLetters(this.#db, { queue, consumer }, deadLetters);
  }

  /** Deletes messages for good, without archiving them, and says how many there were. */
  async delete(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
    const { rowCount } = await this.#db.query(
      `delete from ${queueTable(queue, "q")} q using ${identities}
        where q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at`,
      identityValues(messages),
    );
    return rowCount ?? 0;
  }

  async metrics(queue: string): Promise<QueueMetrics> {
    const [metrics] = await this.metricsOf([queue]);
    return metrics as QueueMetrics;
  }

  /** Of several queues in one statement, in the order of the names. */
  async metricsOf(queues: readonly string[]): Promise<readonly QueueMetrics[]> {
    return await readMetrics(this.#db, queues);
  }

  /**
   * How many messages were ever put into each of several queues, for rates: by the queue's sequence where the login may
   * read that, else by the server's statistics, which come up to ten seconds late.
   */
  async insertedOf(queues: readonly string[]): Promise<readonly number[]> {
    return await countInserted(this.#db, queues);
  }

  /**
   * How long the queue is: exactly up to `countUpTo` messages, beyond that by the server's statistics. After a
   * crash of the server those begin at nothing, until the queue is analyzed.
   */
  async depth(queue: string, countUpTo: number): Promise<QueueDepth> {
    return await readDepth(this.#db, queue, countUpTo);
  }

  /**
   * How long until the next message becomes visible, in milliseconds: 0 or less when one is, null when
   * none ever will be. Costs the same for any length.
   */
  async nextVisibleInMs(queue: string): Promise<number | null> {
    const { rows } = await this.#db.query<{ ms: number | null }>(
      `select ${nextVisibleInMs(queue)} as ms`,
    );
    return rows[0]?.ms ?? null;
  }

  /** When the next message of a queue can be read, in ISO 8601; null where it is empty, or none ever can. */
  async nextVisibleAt(queue: string): Promise<string | null> {
    const { rows } = await this.#db.query<{ at: string | null }>(
      `select to_char(min(q.vt) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at
         from ${queueTable(queue, "q")} q
        where isfinite(q.vt)`,
    );
    return rows[0]?.at ?? null;
  }

  /**
   * The lowest id that the queue holds, visible or not; the next that it will give out when it is
   * empty. Messages with lower ids have left the queue.
   */
  async lowestLiveId(queue: string): Promise<string> {
    const table = queueTable(queue, "q");
    const { rows } = await this.#db.query<{ id: string }>(
      `select coalesce((select min(q.msg_id) from ${table} q),
                       least(pg_sequence_last_value(pg_get_serial_sequence($1, 'msg_id')::regclass),
                             9223372036854775806) + 1,
                       1)::text as id`,
      [table],
    );
    return (rows[0] as { id: string }).id;
  }

  /** Whether the queue holds no message at all, visible or not. Costs the same for any length. */
  async isEmpty(queue: string): Promise<boolean> {
    const { rows } = await this.#db.query<{ empty: boolean }>(
      `select not exists (select from ${queueTable(queue, "q")}) as empty`,
    );
    return rows[0]?.empty ?? true;
  }

  /** Deletes every message of a queue, and says how many there were. */
  async purge(queue: string): Promise<number> {
    const { rows } = await this.#db.query<{ count: string }>(
      "select pgmq.purge_queue($1) as count",
      [queue],
    );
    return Number(rows[0]?.count ?? 0);
  }
}
