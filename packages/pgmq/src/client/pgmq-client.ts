import { claim, readersAreOurs } from "./claim.ts";
import { identities, identityValues } from "./identities.ts";
import type {
  ClaimedMessage,
  MessageIdentity,
  QueueDepth,
  QueueMetrics,
  ReadLimits,
  ReadTurn,
  TurnedAway,
} from "./message.ts";
import { othersClaim } from "./others-claim.ts";
import type { Queryable } from "./queryable.ts";
import { queueTable } from "./queue-table.ts";

/**
 * The part of pgmq's SQL API that sends, reads and counts, for pgmq 1.5 to 1.11: columns by name,
 * message ids as strings of digits, message bodies as JSON text that never becomes a JavaScript
 * number. What decides about claimed messages is in {@link ClaimClient}.
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
    const messages = await claim(this.#db, queue, limits);
    return typeof messages === "string" ? [] : messages;
  }

  /**
   * Claims messages as {@link read} does, but only if it is its turn among all processes that read the queue:
   * they step over each other's rows, and many get slower together than a few.
   *
   * @returns the messages, or why it was turned away.
   */
  async readInTurn(
    queue: string,
    limits: ReadLimits,
    turn: ReadTurn,
  ): Promise<readonly ClaimedMessage[] | TurnedAway> {
    const { unlessOthers } = turn;
    if (unlessOthers?.asksFirst && (await othersClaim(this.#db, queue, limits, unlessOthers))) {
      return "others-read";
    }
    return await claim(this.#db, queue, limits, turn);
  }

  /** Whether those who keep others from reading may read themselves; see {@link readersAreOurs}. */
  async readersAreOurs(queue: string): Promise<boolean> {
    return await readersAreOurs(this.#db, queue);
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
    // Not pgmq.metrics: a single message from before Christ or from infinity makes that fail.
    const age = ageSeconds("min(q.enqueued_at) filter (where isfinite(q.enqueued_at))");
    const statements = queues.map(
      (queue, place) =>
        `select ${place} as place, count(*) as total,
                count(*) filter (where q.vt <= clock_timestamp()) as available, floor(${age}) as age
           from ${queueTable(queue, "q")} q`,
    );
    const { rows } = await this.#db.query<{
      place: number;
      total: string;
      available: string;
      age: number | null;
    }>(`${statements.join("\nunion all\n")}\norder by place`);
    return rows.map(({ place, total, available, age: oldestAgeSeconds }) => ({
      queue: queues[place] as string,
      total: Number(total),
      available: Number(available),
      inFlight: Number(total) - Number(available),
      oldestAgeSeconds,
    }));
  }

  /**
   * How many messages were ever put into each of several queues, for rates: by the queue's sequence where the login may
   * read that, else by the server's statistics, which come up to ten seconds late.
   */
  async insertedOf(queues: readonly string[]): Promise<readonly number[]> {
    const { rows } = await this.#db.query<{ inserted: number }>(
      `select coalesce(
                case when has_sequence_privilege(s.sequence, 'select, usage') then pg_sequence_last_value(s.sequence) end,
                pg_stat_get_tuples_inserted(q.name::regclass))::float8 as inserted
         from unnest($1::text[]) with ordinality as q (name, place)
        cross join lateral (select pg_get_serial_sequence(q.name, 'msg_id')::regclass::oid as sequence) s
        order by q.place`,
      [queues.map((queue) => queueTable(queue, "q"))],
    );
    return rows.map(({ inserted }) => inserted ?? 0);
  }

  /**
   * How long the queue is: exactly up to `countUpTo` messages, beyond that by the server's statistics. After a
   * crash of the server those begin at nothing, until the queue is analyzed.
   */
  async depth(queue: string, countUpTo: number): Promise<QueueDepth> {
    const table = queueTable(queue, "q");
    const { rows } = await this.#db.query<{
      counted: number;
      estimate: number | null;
      age: number | null;
    }>(
      `select (select count(*)::integer from (select from ${table} limit $2::integer + 1) q) as counted,
              pg_stat_get_live_tuples($1::regclass)::float8 as estimate,
              (select ${ageSeconds("q.enqueued_at")} from ${table} q order by q.msg_id limit 1) as age`,
      [table, countUpTo],
    );
    const { counted, estimate, age } = rows[0] as (typeof rows)[number];
    const isEstimate = counted > countUpTo;
    const messages = isEstimate ? Math.max(counted, estimate ?? 0) : counted;
    return { queue, messages, isEstimate, oldestAgeSeconds: age };
  }

  /**
   * How long until the next message becomes visible, in milliseconds: 0 or less when one is, null when
   * none ever will be. Costs the same for any length.
   */
  async nextVisibleInMs(queue: string): Promise<number | null> {
    const { rows } = await this.#db.query<{ ms: number | null }>(
      // Infinite times are not subtracted: before PostgreSQL 17 that is an error.
      `select case when isfinite(n.vt) then (extract(epoch from n.vt - clock_timestamp()) * 1000)::float8
                   when n.vt < clock_timestamp() then 0
                   else null end as ms
         from (select min(q.vt) as vt from ${queueTable(queue, "q")} q) n`,
    );
    return rows[0]?.ms ?? null;
  }

  /**
   * The lowest id that the queue holds, visible or not; the next that it will give out when it is
   * empty. What is below it has left the queue.
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

  /** When the next message of a queue can be read, in ISO 8601; null where it is empty, or none ever can. */
  async nextVisibleAt(queue: string): Promise<string | null> {
    const { rows } = await this.#db.query<{ at: string | null }>(
      `select to_char(min(q.vt) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at
         from ${queueTable(queue, "q")} q
        where isfinite(q.vt)`,
    );
    return rows[0]?.at ?? null;
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

/** SQL: seconds since a time, as a float8; null where the time is infinite, since no clock shows that. */
function ageSeconds(time: string): string {
  return `case when isfinite(${time}) then extract(epoch from clock_timestamp() - ${time})::float8 end`;
}
