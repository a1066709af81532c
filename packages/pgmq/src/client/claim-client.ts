import { codeOf, sqlState } from "@centralcloud/postgres";
import { deadLetter, type MovedLetter } from "./dead-letter.ts";
import { claims, claimValues, identities, identityValues, isHeld } from "./identities.ts";
import type { ClaimedMessage, DeadLetter, MessageIdentity } from "./message.ts";
import type { Queryable } from "./queryable.ts";
import { queueTable } from "./queue-table.ts";

/** The columns of a message that a queue and its archive both have, whatever version of pgmq made them. */
interface MessageColumns {
  /** As SQL has them. */
  readonly names: readonly string[];
  /** By the monotonic clock. */
  readonly readAt: number;
}

/** How long they are believed, in milliseconds: what a new version adds is kept from then on. */
const columnsKeptMs = 60_000;

/** Ids below this are no start for more of them: the next ones could leave bigint. */
const lowestFreeId = "-4611686018427387904";

/**
 * What decides about messages that were read: archive, dead-letter, keep, give back. Beside pgmq's own
 * functions, because each statement names a message by its whole identity, or by its claim.
 */
export class ClaimClient {
  readonly #db: Queryable;
  /** By queue. */
  readonly #columns = new Map<string, Promise<MessageColumns>>();

  constructor(db: Queryable) {
    this.#db = db;
  }

  /**
   * Moves messages to the queue's archive and says how many there were. Messages that another
   * consumer has archived already are not counted.
   */
  async archive(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
    if (messages.length === 0) return 0;
    try {
      return await this.#archive(queue, messages);
    } catch (error) {
      // pgmq is another version now, or the queue another one.
      if (codeOf(error) === sqlState.undefinedTable) this.#columns.delete(queue);
      if (codeOf(error) !== sqlState.undefinedColumn) throw error;
      this.#columns.delete(queue);
      return await this.#archive(queue, messages);
    }
  }

  /** Not pgmq.archive, which has no name for a message but its id, so that each row would be looked for twice. */
  async #archive(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
    const { names } = await this.#columnsOf(queue);
    const columns = names.join(", ");
    try {
      const { rows } = await this.#db.query<{ count: number }>(
        `with gone as (
           delete from ${queueTable(queue, "q")} q
            where q.msg_id = any ($1::bigint[])
              and (q.msg_id, q.enqueued_at) in (select i.msg_id, i.enqueued_at from ${identities})
           returning ${columns}
         ), kept as (
           insert into ${queueTable(queue, "a")} (${columns}) select ${columns} from gone
           returning 1
         )
         select count(*)::integer as count from kept`,
        identityValues(messages),
      );
      return rows[0]?.count ?? 0;
    } catch (error) {
      if (codeOf(error) !== sqlState.uniqueViolation) throw error;
      return await this.#archiveReusedIds(queue, names, messages);
    }
  }

  async #columnsOf(queue: string): Promise<MessageColumns> {
    const known = await this.#columns.get(queue);
    if (known !== undefined && performance.now() - known.readAt < columnsKeptMs) return known;
    const columns = this.#readColumns(queue);
    this.#columns.set(queue, columns);
    columns.catch(() => this.#columns.delete(queue));
    return await columns;
  }

  async #readColumns(queue: string): Promise<MessageColumns> {
    const { rows } = await this.#db.query<{ name: string }>(
      `select quote_ident(a.attname) as name
         from pg_attribute a
         join pg_attribute o using (attname, atttypid)
        where a.attrelid = $1::regclass and o.attrelid = $2::regclass and a.attnum > 0 and o.attnum > 0
          and not a.attisdropped and not o.attisdropped and o.attgenerated = '' and o.attidentity <> 'a'
        order by a.attnum
        limit 100`,
      [queueTable(queue, "q"), queueTable(queue, "a")],
    );
    return { names: rows.map(({ name }) => name), readAt: performance.now() };
  }

  /**
   * The archive already has some of these ids, from messages before a restore or a restart of the
   * queue's sequence. Its key is msg_id, so the newcomers enter it under free negative ids.
   */
  async #archiveReusedIds(
    queue: string,
    columns: readonly string[],
    messages: readonly MessageIdentity[],
  ): Promise<number> {
    const archive = queueTable(queue, "a");
    const values = columns.map((name) => {
      if (name === "msg_id") {
        return `case when exists (select from ${archive} a where a.msg_id = g.msg_id)
                     then (select least(min(a.msg_id), 0) from ${archive} a where a.msg_id > ${lowestFreeId})
                          - row_number() over (order by g.msg_id)
                     else g.msg_id end`;
      }
      return name === "headers"
        ? "coalesce(g.headers, '{}') || jsonb_build_object('archived_msg_id', g.msg_id)"
        : `g.${name}`;
    });
    const { rows } = await this.#db.query<{ count: number }>(
      `with gone as (
         delete from ${queueTable(queue, "q")} q using ${identities}
          where q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at
         returning q.*
       ), kept as (
         insert into ${archive} (${columns.join(", ")})
         select ${values.join(", ")}
           from gone g
         returning 1
       )
       select count(*)::integer as count from kept`,
      identityValues(messages),
    );
    return rows[0]?.count ?? 0;
  }

  /**
   * Keeps claimed messages invisible as long from now as their read did; they must be of one read.
   *
   * @returns the ids of those that are still ours; the others were claimed by somebody else, or can be,
   *   or are gone.
   */
  async extend(queue: string, messages: readonly ClaimedMessage[]): Promise<readonly string[]> {
    const [first] = messages;
    if (first === undefined) return [];
    const visibleAt = first.hold.extend();
    const { rows } = await this.#db.query<{ msg_id: string }>(
      // In the past it holds nothing: the source's clock went forward, or ours stood still.
      `with extended as (
         update ${queueTable(queue, "q")} q
            set vt = timestamptz 'epoch' + $5::bigint * interval '1 microsecond'
           from ${claims}
          where ${isHeld}
         returning q.msg_id, q.vt
       )
       select msg_id::text from extended where vt > clock_timestamp()`,
      [...claimValues(messages), visibleAt],
    );
    return rows.map((row) => row.msg_id);
  }

  /**
   * Makes each claimed message visible again in so many seconds, all in one statement. Its deliveries so
   * far had a result, so they count no more; one is left as a sign that there were some. Messages that
   * were claimed by somebody else since are left alone.
   */
  async retryLater(
    queue: string,
    delays: readonly { readonly message: ClaimedMessage; readonly seconds: number }[],
  ): Promise<number> {
    if (delays.length === 0) return 0;
    const { rowCount } = await this.#db.query(
      `update ${queueTable(queue, "q")} q
          set vt = clock_timestamp() + make_interval(secs => i.seconds), read_ct = least(q.read_ct, 1)
         from unnest($1::bigint[], $2::timestamptz[], $3::integer[], $5::float8[])
           as i (msg_id, enqueued_at, read_ct, seconds)
        where ${isHeld}`,
      [...claimValues(delays.map(({ message }) => message)), delays.map(({ seconds }) => seconds)],
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
        where ${isHeld}`,
      claimValues(messages),
    );
    return rowCount ?? 0;
  }

  /**
   * Moves claimed messages to the dead-letter queue, each with why and how it failed before.
   *
   * @param consumer who gives them up, as the letters shall say.
   * @returns those moved; a message that somebody else has claimed since is theirs to judge.
   */
  async deadLetter(
    queue: string,
    letters: readonly DeadLetter[],
    consumer: string | null = null,
  ): Promise<readonly MovedLetter[]> {
    return await deadLetter(this.#db, { queue, consumer }, letters);
  }
}
