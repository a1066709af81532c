import { deadLetter, type Letter } from "./dead-letter.ts";
import type { ClaimedMessage, MessageIdentity, QueueMetrics, ReadLimits } from "./message.ts";
import type { Queryable } from "./queryable.ts";
import { queueTable } from "./queue-table.ts";

/**
 * The part of pgmq's SQL API that a consumer needs, for pgmq 1.5 to 1.11: columns by name, message
 * ids as strings of digits, message bodies as JSON text that never becomes a JavaScript number.
 *
 * Where a message's fate is decided, the statement names the message by its whole identity, and not
 * by msg_id alone: a queue may have been recreated since the message was read.
 */
export class PgmqClient {
  readonly #db: Queryable;

  constructor(db: Queryable) {
    this.#db = db;
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
    const { rows } = await this.#db.query<ClaimedMessage>({
      name: "pgmq-read",
      // Materialized, so that a large message becomes text once; to_jsonb writes ISO 8601 whatever DateStyle says.
      // What is certainly too large never becomes text at all: escapes take six bytes each, so the text of a jsonb can
      // be over the gigabyte that PostgreSQL holds in one value, and the whole read would fail, again and again. A jsonb
      // is at most four times as large as its text. Its size is looked at only where it takes half a megabyte as stored:
      // compression makes a 255th of a value at best.
      text: `
        with claimed as materialized (
          select m.msg_id, m.read_ct, m.enqueued_at, s.size,
                 case when s.size <= least(8 * $4::bigint, 150000000) then m.message::text end as body
            from pgmq.read($1::text, $2::integer, $3::integer) m
           cross join lateral (
             select case when pg_column_size(m.message) > 500000 then pg_column_size(array[m.message]) else 0 end
           ) as s (size)
        ), sized as (
          select c.*, coalesce(octet_length(c.body), c.size) as bytes,
                 coalesce(sum(octet_length(c.body)) filter (where octet_length(c.body) <= $4::integer)
                   over (order by c.msg_id), 0) as running
            from claimed c
        ), judged as (
          select s.*, case when s.bytes > $4::integer or (s.body is null and s.size > 0) then 'too-large'
                           when s.running > $5::integer and s.running > s.bytes then 'memory-budget'
                      end as withheld
            from sized s
        )
        select j.msg_id::text as "msgId", j.read_ct as "readCount",
               to_jsonb(j.enqueued_at) #>> '{}' as "enqueuedAt", j.bytes, j.withheld,
               case when j.withheld is null then j.body end as body
          from judged j
         order by j.msg_id`,
      values: [
        queue,
        limits.visibilityTimeoutS,
        limits.quantity,
        limits.maxMessageBytes,
        limits.maxBatchBytes,
      ],
    });
    return rows;
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

  /**
   * Moves messages to the queue's archive and says how many there were. Messages that another
   * consumer has archived already are not counted.
   */
  async archive(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
    if (messages.length === 0) return 0;
    try {
      // A queue can't be recreated between the look and the archiving: dropping it waits for this statement.
      const { rows } = await this.#db.query<{ count: number }>(
        `select count(*)::integer as count
           from pgmq.archive($3::text, array(
             select q.msg_id from ${queueTable(queue, "q")} q join ${identities}
                 on q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at))`,
        [...identityValues(messages), queue],
      );
      return rows[0]?.count ?? 0;
    } catch (error) {
      if ((error as { code?: string }).code !== "23505") throw error;
      return await this.#archiveReusedIds(queue, messages);
    }
  }

  /**
   * The archive already has some of these ids, from messages before a restore or a restart of the
   * queue's sequence. Its key is msg_id, so the newcomers enter it under free negative ids.
   */
  async #archiveReusedIds(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
    const archive = queueTable(queue, "a");
    const { rows } = await this.#db.query<{ count: number }>(
      `with gone as (
         delete from ${queueTable(queue, "q")} q using ${identities}
          where q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at
         returning q.*
       ), kept as (
         insert into ${archive} (msg_id, vt, read_ct, enqueued_at, message, headers)
         select case when exists (select from ${archive} a where a.msg_id = g.msg_id)
                     then (select least(min(a.msg_id), 0) from ${archive} a) - row_number() over (order by g.msg_id)
                     else g.msg_id end,
                g.vt, g.read_ct, g.enqueued_at, g.message,
                coalesce(g.headers, '{}') || jsonb_build_object('archived_msg_id', g.msg_id)
           from gone g
         returning 1
       )
       select count(*)::integer as count from kept`,
      identityValues(messages),
    );
    return rows[0]?.count ?? 0;
  }

  /**
   * Makes claimed messages visible again in `seconds` (0: now). Messages that were claimed by
   * somebody else since are left alone.
   */
  async setVt(
    queue: string,
    messages: readonly ClaimedMessage[],
    seconds: number,
  ): Promise<number> {
    if (messages.length === 0) return 0;
    const { rowCount } = await this.#db.query(
      `update ${queueTable(queue, "q")} q
          set vt = clock_timestamp() + make_interval(secs => $4)
         from ${claims}
        where q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at and q.read_ct = i.read_ct`,
      [...claimValues(messages), seconds],
    );
    return rowCount ?? 0;
  }

  /**
   * Makes claimed messages visible again now, as if they had not been read: this delivery is not
   * counted. Messages that were claimed by somebody else since are left alone.
   */
  async giveBack(queue: string, messages: readonly ClaimedMessage[]): Promise<number> {
    if (messages.length === 0) return 0;
    const { rowCount } = await this.#db.query(
      `update ${queueTable(queue, "q")} q
          set vt = clock_timestamp(), read_ct = q.read_ct - 1
         from ${claims}
        where q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at and q.read_ct = i.read_ct`,
      claimValues(messages),
    );
    return rowCount ?? 0;
  }

  /**
   * Moves claimed messages to the dead-letter queue, each with why: deleted there and sent here by
   * one statement. The message itself stays inside the database on its way, whatever its size.
   *
   * @returns the ids of those moved; a message that somebody else has claimed since is theirs to judge.
   */
  deadLetter(queue: string, letters: readonly Letter[]): Promise<readonly string[]> {
    return deadLetter(this.#db, queue, letters);
  }

  async metrics(queue: string): Promise<QueueMetrics> {
    const { rows } = await this.#db.query<{
      total: string;
      available: string;
      age: number | null;
    }>(
      `select m.queue_length as total, m.queue_visible_length as available, m.oldest_msg_age_sec as age
         from pgmq.metrics($1) m`,
      [queue],
    );
    const { total, available, age } = rows[0] as (typeof rows)[number];
    return {
      queue,
      total: Number(total),
      available: Number(available),
      inFlight: Number(total) - Number(available),
      oldestAgeSeconds: age,
    };
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

const identities = "unnest($1::bigint[], $2::timestamptz[]) as i (msg_id, enqueued_at)";

function identityValues(messages: readonly MessageIdentity[]) {
  return [messages.map((message) => message.msgId), messages.map((message) => message.enqueuedAt)];
}

const claims =
  "unnest($1::bigint[], $2::timestamptz[], $3::integer[]) as i (msg_id, enqueued_at, read_ct)";

function claimValues(messages: readonly ClaimedMessage[]) {
  return [...identityValues(messages), messages.map((message) => message.readCount)];
}
