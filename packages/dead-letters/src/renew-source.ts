import { deadLetterQueueOf, type QueueName, queueNames } from "@centralcloud/contracts";
import {
  type ActionRequest,
  adoptSource,
  type IdentifiedSource,
  identifySource,
  lookUpDeliveries,
} from "@centralcloud/db";
import { queueTable } from "@centralcloud/pgmq";
import type { Pool, PoolClient } from "pg";
import { recordAction } from "./actions/record-action.ts";
import { instant } from "./letter-sql.ts";
import { inTransaction } from "./transaction.ts";

export interface RenewOptions {
  readonly source: IdentifiedSource;
  readonly address: string;
  /** Whether the central store has its id for another database. */
  readonly isRefused: boolean;
  readonly pool: Pool;
  readonly central: Pool;
  readonly request: ActionRequest;
  /** The database that the copy was made of, where it answers. */
  readonly original?: Pool;
  readonly name?: string;
  /** When the copy was made, in ISO 8601: what was sent until then is the original's. */
  readonly clonedAt?: string;
}

export interface RenewReport {
  readonly id: string;
  readonly name: string;
  /** Messages that the original has, or had: set aside in the archive. */
  readonly copies: number;
  /** Messages that were sent here since: they are consumed under the new id. */
  readonly kept: number;
  /** Sessions whose message named the old id: the next sync sends them anew. */
  readonly resent: number;
  /** Dead letters that are the original's to judge: set aside in their archive. */
  readonly letters: number;
}

/** It has its id rightly. */
export class NotACopyError extends Error {
  readonly code = "not_a_copy";
  constructor(address: string) {
    super(
      `${address} is the source that the central store knows by its id: with another id, whatever waits in it would count as another source's`,
    );
    this.name = "NotACopyError";
  }
}

/** Messages wait of which nobody knows whether the original sends them, too. */
export class UndecidedCopiesError extends Error {
  readonly code = "undecided_copies";
  constructor(count: number) {
    super(
      `${count} messages wait of which it is not known whether the original has them, too: configure the original beside the copy, or say when the copy was made by --cloned-at`,
    );
    this.name = "UndecidedCopiesError";
  }
}

interface Waiting {
  readonly msgId: string;
  readonly enqueuedAt: string;
}

/** Looked up at a time. */
const chunkSize = 5_000;

/**
 * Gives a copy of a source an id of its own. What it has of the original's messages is the original's to deliver: it
 * is moved to the archives, and `copied_until` says that they hold another source's messages up to now. What was sent
 * here since stays, with a new time, since its old identity may be that of a message of the original's.
 *
 * One transaction at the source, which producers wait for.
 *
 * @throws {NotACopyError} {@link UndecidedCopiesError} before anything is changed.
 */
export async function renewSource(options: RenewOptions): Promise<RenewReport> {
  const { source, address, pool, central, request } = options;
  if (!options.isRefused && (await isKnown(central, source.sourceId))) {
    throw new NotACopyError(address);
  }
  const { clonedAt } = options;
  const selection = { source: source.sourceId, address, ...(clonedAt ? { clonedAt } : {}) };
  return await recordAction(central, {
    kind: "renew-source",
    request,
    selection,
    failureOf: () => undefined,
    async work() {
      const report = await giveNewId(options);
      const renewed = await identifySource(pool);
      await adoptSource(central, renewed, address, "renewed", request.actor);
      return report;
    },
  });
}

async function giveNewId(options: RenewOptions): Promise<RenewReport> {
  const { source, pool } = options;
  return await inTransaction(pool, async (client) => {
    await client.query("set local lock_timeout = '10s'");
    const tables = queueNames.flatMap((queue) => [queue, deadLetterQueueOf(queue)]);
    const names = tables.map((queue) => queueTable(queue, "q")).join(", ");
    await client.query(`lock table ${names} in share row exclusive mode`);
    const total = { copies: 0, kept: 0, resent: 0, letters: 0 };
    const copied = await findCopies(client, options);
    const { rows } = await client.query<{ id: string; name: string }>(
      `update public.singularity_source s
          set source_id = n.id, copied_until = clock_timestamp(),
              name = coalesce($1, s.name || '-' || left(n.id::text, 8))
         from (select gen_random_uuid() as id) n
       returning s.source_id as id, s.name`,
      [options.name ?? null],
    );
    const [renewed] = rows;
    if (renewed === undefined) throw new Error("the source has lost its row meanwhile");
    for (const queue of queueNames) {
      const copies = copied.get(queue) ?? [];
      total.copies += await setAside(client, queue, source.sourceId, copies);
      if (queue === "agent-sessions") total.resent += await sendAnew(client);
      const { rowCount } = await client.query(
        `update ${queueTable(queue, "q")} q set enqueued_at = clock_timestamp()`,
      );
      total.kept += rowCount ?? 0;
      total.letters += await setLettersAside(client, queue, source.sourceId);
    }
    return { ...renewed, ...total };
  });
}

async function isKnown(central: Pool, sourceId: string): Promise<boolean> {
  const { rows } = await central.query(
    "select from central.sources s where s.source_id = $1 and s.database_oid is not null",
    [sourceId],
  );
  return rows.length > 0;
}

/** Which of the waiting messages the original has delivered, holds, or has given up. */
async function findCopies(
  client: PoolClient,
  { source, central, original, clonedAt }: RenewOptions,
): Promise<ReadonlyMap<QueueName, readonly Waiting[]>> {
  const copies = new Map<QueueName, Waiting[]>();
  let undecided = 0;
  for (const queue of queueNames) {
    const found: Waiting[] = [];
    copies.set(queue, found);
    for (let after: string | null = null; ; ) {
      const { rows }: { rows: (Waiting & { isOld: boolean | null })[] } = await client.query(
        `select q.msg_id::text as "msgId", ${instant("q.enqueued_at")} as "enqueuedAt",
                q.enqueued_at <= $3::timestamptz as "isOld"
           from ${queueTable(queue, "q")} q
          where $1::bigint is null or q.msg_id > $1::bigint
          order by q.msg_id limit $2`,
        [after, chunkSize, clonedAt ?? null],
      );
      if (rows.length === 0) break;
      after = rows.at(-1)?.msgId ?? null;
      const asked = rows.map((row) => ({ ...row, fromArchive: true }));
      const known = await lookUpDeliveries(central, { sourceId: source.sourceId, queue }, asked);
      const rest = rows.filter((_, index) => known[index]?.merged !== true);
      const held = original === undefined ? new Set() : await heldBy(original, queue, rest);
      for (const row of rows) {
        const isCopy = row.isOld === true || !rest.includes(row) || held.has(row.msgId);
        if (isCopy) found.push(row);
        else if (original === undefined && clonedAt === undefined) undecided += 1;
      }
    }
  }
  if (undecided > 0) throw new UndecidedCopiesError(undecided);
  return copies;
}

/** The ids of those that the original has in its queue, its archive, or among its dead letters. */
async function heldBy(
  original: Pool,
  queue: QueueName,
  messages: readonly Waiting[],
): Promise<ReadonlySet<string>> {
  const letters = deadLetterQueueOf(queue);
  const { rows } = await original.query<{ msgId: string }>(
    `select i.msg_id::text as "msgId"
       from unnest($1::bigint[], $2::timestamptz[]) as i (msg_id, enqueued_at)
      where exists (select from ${queueTable(queue, "q")} q
                     where q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at)
         or exists (select from ${queueTable(queue, "a")} a
                     where a.msg_id = i.msg_id and a.enqueued_at = i.enqueued_at)
         or exists (select from ${queueTable(queue, "a")} a
                     where a.msg_id < 0 and a.headers ->> 'archived_msg_id' = i.msg_id::text
                       and a.enqueued_at = i.enqueued_at)
         or exists (select from (select l.message from ${queueTable(letters, "q")} l
                                 union all select l.message from ${queueTable(letters, "a")} l) d
                     where d.message ->> 'original_message_id' = i.msg_id::text
                       and case when d.message ->> 'original_enqueued_at' ~ '^\\d{4}-\\d\\d-\\d\\d[ T][\\d:.]+(Z|[+-]\\d\\d(:\\d\\d)?)$'
                                then (d.message ->> 'original_enqueued_at')::timestamptz = i.enqueued_at end)`,
    [messages.map(({ msgId }) => msgId), messages.map(({ enqueuedAt }) => enqueuedAt)],
  );
  return new Set(rows.map(({ msgId }) => msgId));
}

async function setAside(
  client: PoolClient,
  queue: QueueName,
  from: string,
  copies: readonly Waiting[],
): Promise<number> {
  for (let start = 0; start < copies.length; start += chunkSize) {
    const ids = copies.slice(start, start + chunkSize).map(({ msgId }) => msgId);
    await archive(client, queue, from, ids);
  }
  return copies.length;
}

/** @param ids null: all. */
async function archive(
  client: PoolClient,
  queue: string,
  from: string,
  ids: readonly string[] | null,
): Promise<number> {
  const { rowCount } = await client.query(
    `with gone as (
       delete from ${queueTable(queue, "q")} q
        where $1::bigint[] is null or q.msg_id = any ($1::bigint[])
       returning q.msg_id, q.vt, q.read_ct, q.enqueued_at, q.message, q.headers
     ), kept as (
       -- Where the archive has that id, it has this message, or one of an older queue; the original has it in any case.
       insert into ${queueTable(queue, "a")} (msg_id, vt, read_ct, enqueued_at, message, headers)
       select g.msg_id, g.vt, g.read_ct, g.enqueued_at, g.message,
              (case when jsonb_typeof(g.headers) = 'object' then g.headers else '{}' end)
                || jsonb_build_object('copied_from', $2::text)
         from gone g
       on conflict do nothing
     )
     select from gone`,
    [ids, from],
  );
  return rowCount ?? 0;
}

/** A seal names the source that it was made for: sessions that wait are sealed anew by the next sync. */
async function sendAnew(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `with waiting as (
       select s.id, q.msg_id
         from ${queueTable("agent-sessions", "q")} q
         join public.agent_sessions s on s.id::text = q.message ->> 'session_id'
     ), gone as (
       delete from ${queueTable("agent-sessions", "q")} q using waiting w where q.msg_id = w.msg_id
     ), marked as (
       update public.agent_sessions s set unsynced = true
        where s.id in (select w.id from waiting w)
       returning 1
     )
     select count(*)::integer as count from marked`,
  );
  return rows[0]?.count ?? 0;
}

function setLettersAside(client: PoolClient, queue: QueueName, from: string): Promise<number> {
  return archive(client, deadLetterQueueOf(queue), from, null);
}
