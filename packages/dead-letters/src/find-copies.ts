import { lookUpDeliveries } from "@centralcloud/central";
import { deadLetterQueueOf, type QueueName } from "@centralcloud/contracts";
import { type MessageIdentity, queueTable } from "@centralcloud/queue";
import type { Pool, PoolClient } from "pg";
import { enqueuedAt, instant, messageId } from "./dead-letter-sql.ts";

/* Which messages of a copied source are the original's. Whoever is taken for a copy is never delivered by the copy. */

/** What tells of a message whose it is. */
export interface CopyEvidence {
  /** The id that both have. */
  readonly sourceId: string;
  readonly central: Pool;
  /** The database that the copy was made of, where it answers. */
  readonly original?: Pool;
  /** When the copy was made, in ISO 8601: what was sent until then is the original's, and nothing else. */
  readonly clonedAt?: string;
}

export interface Copies {
  /** Ids of messages that are certainly the original's. */
  readonly ids: readonly string[];
  /** How many others may be the original's as well as the copy's own. */
  readonly undecided: number;
}

/** Looked up at a time. */
const chunkSize = 5_000;

/**
 * The waiting messages of a queue that the original has delivered or holds. Proof is the ledger's own row, the original's
 * row in its queue, archive or dead letters, or that it was sent before the copy was made. A range of pruned rows is none:
 * what the copy has sent since may have an id and a time within it.
 */
export function findCopiedMessages(
  client: PoolClient,
  queue: QueueName,
  evidence: CopyEvidence,
): Promise<Copies> {
  const { sourceId, central, original } = evidence;
  return sortOut(client, queue, evidence, async (messages) => {
    const lookUp = async (isArchived: boolean, asked: readonly MessageIdentity[]) => {
      const given = asked.map((one) => ({ ...one, fromArchive: isArchived }));
      const known = await lookUpDeliveries(central, { sourceId, queue }, given);
      return asked.filter((_, index) => known[index]?.merged);
    };
    const merged = new Set(await lookUp(false, messages));
    const rest = messages.filter((one) => !merged.has(one));
    if (original === undefined) return { copies: merged, undecided: rest.length };
    const held = await heldBy(original, queue, rest);
    const others = rest.filter(({ msgId }) => !held.has(msgId));
    const copies = new Set([...merged, ...rest.filter(({ msgId }) => held.has(msgId))]);
    return { copies, undecided: (await lookUp(true, others)).length };
  });
}

/** The waiting dead letters of a queue that the original has, or had before an operator judged them. */
export function findCopiedDeadLetters(
  client: PoolClient,
  queue: QueueName,
  evidence: CopyEvidence,
): Promise<Copies> {
  const deadLetters = deadLetterQueueOf(queue);
  const { original } = evidence;
  return sortOut(client, deadLetters, evidence, async (messages) => {
    if (original === undefined) return { copies: new Set(), undecided: messages.length };
    const held = await rowsOf(original, deadLetters, messages);
    return { copies: new Set(messages.filter(({ msgId }) => held.has(msgId))), undecided: 0 };
  });
}

interface Sorted {
  readonly copies: ReadonlySet<MessageIdentity>;
  readonly undecided: number;
}

/** @param sort is asked where no time decides. */
async function sortOut(
  client: PoolClient,
  queue: string,
  { clonedAt }: CopyEvidence,
  sort: (messages: readonly MessageIdentity[]) => Promise<Sorted>,
): Promise<Copies> {
  const ids: string[] = [];
  let undecided = 0;
  for (let after: string | null = null; ; ) {
    const { rows }: { rows: (MessageIdentity & { isOld: boolean | null })[] } = await client.query(
      `select q.msg_id::text as "msgId", ${instant("q.enqueued_at")} as "enqueuedAt",
              q.enqueued_at <= $3::timestamptz as "isOld"
         from ${queueTable(queue, "q")} q
        where $1::bigint is null or q.msg_id > $1::bigint
        order by q.msg_id limit $2`,
      [after, chunkSize, clonedAt ?? null],
    );
    if (rows.length === 0) return { ids, undecided };
    after = rows.at(-1)?.msgId ?? null;
    const sorted =
      clonedAt === undefined
        ? await sort(rows)
        : { copies: new Set(rows.filter(({ isOld }) => isOld)), undecided: 0 };
    for (const row of rows) if (sorted.copies.has(row)) ids.push(row.msgId);
    undecided += sorted.undecided;
  }
}

/** The ids of those that the original has in its queue, its archive, or among its dead letters. */
async function heldBy(
  original: Pool,
  queue: QueueName,
  messages: readonly MessageIdentity[],
): Promise<ReadonlySet<string>> {
  const deadLetters = deadLetterQueueOf(queue);
  const there = await rowsOf(original, queue, messages);
  const { rows } = await original.query<{ msgId: string }>(
    `select i.msg_id::text as "msgId"
       from unnest($1::bigint[], $2::timestamptz[]) as i (msg_id, enqueued_at)
      where exists (select from (select l.message from ${queueTable(deadLetters, "q")} l
                                 union all select l.message from ${queueTable(deadLetters, "a")} l) d
                     where ${messageId} = i.msg_id::text
                       and case when ${enqueuedAt} ~ '^\\d{4}-\\d\\d-\\d\\d[ T][\\d:.]+(Z|[+-]\\d\\d(:\\d\\d)?)$'
                                then ${enqueuedAt}::timestamptz = i.enqueued_at end)`,
    columnsOf(messages.filter(({ msgId }) => !there.has(msgId))),
  );
  return new Set([...there, ...rows.map(({ msgId }) => msgId)]);
}

/** The ids of those that a database has in a queue or its archive. */
async function rowsOf(
  database: Pool,
  queue: string,
  messages: readonly MessageIdentity[],
): Promise<ReadonlySet<string>> {
  const { rows } = await database.query<{ msgId: string }>(
    `select i.msg_id::text as "msgId"
       from unnest($1::bigint[], $2::timestamptz[]) as i (msg_id, enqueued_at)
      where exists (select from ${queueTable(queue, "q")} q
                     where q.msg_id = i.msg_id and q.enqueued_at = i.enqueued_at)
         or exists (select from ${queueTable(queue, "a")} a
                     where a.msg_id = i.msg_id and a.enqueued_at = i.enqueued_at)
         or exists (select from ${queueTable(queue, "a")} a
                     where a.msg_id < 0 and a.headers ->> 'archived_msg_id' = i.msg_id::text
                       and a.enqueued_at = i.enqueued_at)`,
    columnsOf(messages),
  );
  return new Set(rows.map(({ msgId }) => msgId));
}

function columnsOf(messages: readonly MessageIdentity[]): [string[], string[]] {
  return [messages.map(({ msgId }) => msgId), messages.map(({ enqueuedAt }) => enqueuedAt)];
}
