import { codeOf, sqlState } from "@centralcloud/postgres";
import { identities, identityValues, type MessageIdentity } from "./message.ts";
import { type Queryable, queueTable } from "./queue-table.ts";

/** The columns of a message that a queue and its archive both have, whatever version of pgmq made them. */
interface MessageColumns {
  /** Quoted as SQL needs them. */
  readonly names: readonly string[];
  /** When they were read, by the monotonic clock, in milliseconds. */
  readonly readAt: number;
}

/** How long the columns are cached, in milliseconds: columns that a new version of pgmq adds are kept from then on. */
const columnsCachedMs = 60_000;

/** The next free id is not searched below this one: ids below it could leave the range of bigint. */
const lowestFreeId = "-4611686018427387904";

/**
 * Moves messages from queues to their archives. Not by pgmq.archive, which names a message by its id alone, and looks
 * each row up twice.
 */
export class QueueArchive {
  readonly #db: Queryable;
  /** By queue. */
  readonly #columns = new Map<string, Promise<MessageColumns>>();

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** @returns how many messages were moved: those that are no longer in the queue are not counted. */
  async add(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
    if (messages.length === 0) return 0;
    try {
      return await this.#move(queue, messages);
    } catch (error) {
      // pgmq was upgraded, or the queue was recreated.
      if (codeOf(error) === sqlState.undefinedTable) this.#columns.delete(queue);
      if (codeOf(error) !== sqlState.undefinedColumn) throw error;
      this.#columns.delete(queue);
      return await this.#move(queue, messages);
    }
  }

  async #move(queue: string, messages: readonly MessageIdentity[]): Promise<number> {
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
      return await this.#moveReusedIds(queue, names, messages);
    }
  }

  async #columnsOf(queue: string): Promise<MessageColumns> {
    const known = await this.#columns.get(queue);
    if (known !== undefined && performance.now() - known.readAt < columnsCachedMs) return known;
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
   * The archive already has some of these ids, from messages before a restore or a restart of the queue's sequence.
   * Its key is msg_id, so the new messages enter it under free negative ids.
   */
  async #moveReusedIds(
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
}
