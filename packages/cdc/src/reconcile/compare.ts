import { copiedUntil, isArchivedHere } from "@centralcloud/db";
import { deadLetterFields } from "@centralcloud/queue";
import type { Pool, PoolClient } from "pg";
import { type Checked, comparedQueues } from "./compared-queues.ts";
import type { Logged } from "./logged.ts";
import { createReadableTime } from "./readable-time.ts";

/**
 * Where something is that the queues have not delivered:
 * - `queue`: it waits there, or is in flight.
 * - `dead-letter`: it never can be merged, or was given up.
 * - `unsynced`: it is not on a queue yet; the next sync run queues it.
 * - `not-stored`: the queue says it was delivered, and the central store does not have it.
 * - `nowhere`: it is lost.
 */
export type Whereabouts = "queue" | "dead-letter" | "unsynced" | "not-stored" | "nowhere";

export interface Missing {
  readonly kind: Logged["kind"];
  readonly id: string;
  readonly agentId: string;
  readonly at: string;
  readonly where: Whereabouts;
}

/** Something that the queues delivered, and that the change log does not have. */
export interface Unlogged {
  readonly kind: Logged["kind"];
  /** Of the session; null for a pattern, whose message does not name it. */
  readonly id: string | null;
  readonly agentId: string;
  readonly at: string;
  readonly msgId: string;
}

/** Something whose time can't be read, so that it was compared with nothing. */
export interface Unreadable {
  readonly kind: Logged["kind"];
  readonly where: "queue" | "archive" | "dead-letter" | "change-log";
  /** In the queue, the archive or the dead-letter queue; of an entry of the change log, the row's. */
  readonly id: string;
  readonly agentId: string | null;
}

export interface Comparison {
  readonly checked: Checked;
  readonly missing: readonly Missing[];
  readonly unlogged: readonly Unlogged[];
  readonly unreadable: readonly Unreadable[];
}

/** What is named at most, of each kind. */
const longestList = 1_000;

const deadLetter = deadLetterFields("m.message");

/**
 * Every message of ours, wherever it is; those of other producers say nothing of what was learned, nor do those that
 * another source sent before this one was copied from it. Whose time can't be read has none here.
 */
const messages = (["q", "a", "dlq"] as const)
  .flatMap((place) =>
    comparedQueues.map(({ kind, queue, version, time, captured, hash }) => {
      const table = place === "dlq" ? `q_${queue}-dlq` : `${place}_${queue}`;
      const body = place === "dlq" ? deadLetter.original : "m.message";
      const headers = place === "dlq" ? deadLetter.storedHeaders : "m.headers";
      return `select '${kind}' as kind, '${place}' as place, m.msg_id, ${body} ->> '${captured.of}_id' as who,
                     ${body} ->> 'agent_id' as agent_id, pg_temp.readable_time(${body} ->> '${time}') as at,
                     ${hash(body)} as hash
                from pgmq."${table}" m
               where (${headers}) ->> 'schema' = '${version}'
                     ${place === "a" ? `and ${isArchivedHere("m")}` : ""}`;
    }),
  )
  .join("\nunion all\n");

/**
 * Compares what is logged with the messages of a source, by one look at them. Nothing is changed but two
 * temporary tables, which go with the transaction.
 *
 * @param from only messages of what happened since are expected to be logged.
 * @param readLogged is called after the look, and gives what is logged, complete up to then at least.
 */
export async function compare(
  source: Pool,
  from: Date,
  readLogged: () => AsyncIterable<readonly Logged[]>,
): Promise<Comparison> {
  const client = await source.connect();
  let isDone = false;
  try {
    await client.query("begin; set local timezone = 'UTC'");
    await client.query(createReadableTime);
    await client.query(`create temporary table message on commit drop as ${messages}`);
    await client.query(
      `create temporary table logged (kind text, id text, agent_id text, who text, at timestamptz, hash text, stored boolean, settled boolean)
         on commit drop`,
    );
    for await (const chunk of readLogged()) await insert(client, chunk);
    await client.query("analyze message; analyze logged");
    const comparison = {
      checked: await count(client),
      missing: await findMissing(client),
      unlogged: await findUnlogged(client, from),
      unreadable: await findUnreadable(client),
    };
    await client.query("rollback");
    isDone = true;
    return comparison;
  } finally {
    client.release(!isDone);
  }
}

async function insert(client: PoolClient, chunk: readonly Logged[]): Promise<void> {
  const column = <Name extends keyof Logged>(name: Name) => chunk.map((one) => one[name]);
  await client.query(
    "insert into logged select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::boolean[], $8::boolean[])",
    [
      column("kind"),
      column("id"),
      column("agentId"),
      column("who"),
      column("at"),
      column("hash"),
      column("isStored"),
      column("isSettled"),
    ],
  );
}

async function count(client: PoolClient): Promise<Checked> {
  const { rows } = await client.query<{ kind: string; count: number }>(
    "select l.kind, count(*)::integer as count from logged l group by l.kind",
  );
  const counts = new Map(rows.map(({ kind, count: found }) => [kind, found]));
  return Object.fromEntries(
    comparedQueues.map(({ kind, counted: [key] }) => [key, counts.get(kind) ?? 0]),
  );
}

/** The condition of the queue that something found, `f`, is of; `false` where that queue has none. */
function ifUnsent(condition: "isWaiting" | "isSentHere"): string {
  const each = comparedQueues.flatMap(({ kind, unsent }) =>
    unsent === undefined ? [] : [`f.kind = '${kind}' and ${unsent[condition]}`],
  );
  return each.length === 0 ? "false" : `(${each.join(" or ")})`;
}

async function findMissing(client: PoolClient): Promise<readonly Missing[]> {
  const { rows } = await client.query<Missing>(
    `with found as (
       select l.kind, l.id, l.agent_id, l.at, l.stored, array_remove(array_agg(m.place), null) as places
         from (select * from logged where settled and at is not null) l
         left join message m
           on m.kind = l.kind and m.at = l.at and m.hash = l.hash and m.who = l.who
        group by l.kind, l.id, l.agent_id, l.at, l.stored
     )
     select f.kind, f.id, f.agent_id as "agentId", f.at::text as at,
            case when 'q' = any (f.places) then 'queue'
                 when 'a' = any (f.places) then 'not-stored'
                 when 'dlq' = any (f.places) then 'dead-letter'
                 when ${ifUnsent("isWaiting")} then 'unsynced'
                 else 'nowhere' end as where
       from found f
      where not ('a' = any (f.places) and f.stored)
        -- What happened while this source was a copy of another is the other's to deliver, if it was on a queue then.
        and not (cardinality(f.places) = 0 and f.at <= ${copiedUntil} and not ${ifUnsent("isSentHere")})
      order by f.at, f.kind, f.id
      limit $1`,
    [longestList],
  );
  return rows;
}

/** Their messages name the row itself. */
const kindsOfSessions = comparedQueues
  .filter(({ captured }) => captured.of === "session")
  .map(({ kind }) => kind);

async function findUnlogged(client: PoolClient, from: Date): Promise<readonly Unlogged[]> {
  const { rows } = await client.query<Unlogged>(
    `select m.kind, case when m.kind = any ($3::text[]) then m.who end as id, m.agent_id as "agentId",
            m.at::text as at, m.msg_id::text as "msgId"
       from message m
      where m.place = 'a' and m.at >= $1
        and not exists (
          select from logged l
           where l.kind = m.kind and l.at = m.at and l.hash = m.hash and l.who = m.who)
      order by m.at, m.msg_id
      limit $2`,
    [from, longestList, kindsOfSessions],
  );
  return rows;
}

async function findUnreadable(client: PoolClient): Promise<readonly Unreadable[]> {
  const { rows } = await client.query<Unreadable>(
    `select m.kind, case m.place when 'q' then 'queue' when 'a' then 'archive' else 'dead-letter' end as where,
            m.msg_id::text as id, m.agent_id as "agentId"
       from message m where m.at is null
     union all
     select l.kind, 'change-log', l.id, l.agent_id from logged l where l.at is null
      order by 1, 2, 3
      limit $1`,
    [longestList],
  );
  return rows;
}
