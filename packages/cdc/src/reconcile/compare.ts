import { copiedUntil, isArchivedHere } from "@centralcloud/db";
import { deadLetterFields } from "@centralcloud/queue";
import type { Pool, PoolClient } from "pg";
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
  readonly checked: { readonly patterns: number; readonly sessions: number };
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
    (
      [
        ["pattern", "centralcloud-new-patterns", "agent_id", "learned_at"],
        ["session", "agent-sessions", "session_id", "synced_at"],
      ] as const
    ).map(([kind, queue, who, at]) => {
      const table = place === "dlq" ? `q_${queue}-dlq` : `${place}_${queue}`;
      const body = place === "dlq" ? deadLetter.original : "m.message";
      const headers = place === "dlq" ? deadLetter.storedHeaders : "m.headers";
      const hash = kind === "pattern" ? `md5((${body} -> 'pattern')::text)` : "''";
      return `select '${kind}' as kind, '${place}' as place, m.msg_id, ${body} ->> '${who}' as who,
                     ${body} ->> 'agent_id' as agent_id, pg_temp.readable_time(${body} ->> '${at}') as at,
                     ${hash} as hash
                from pgmq."${table}" m
               where (${headers}) ->> 'schema' = '${kind}/1'
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
      `create temporary table logged (kind text, id text, agent_id text, at timestamptz, hash text, stored boolean, settled boolean)
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
    "insert into logged select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::boolean[], $7::boolean[])",
    [
      column("kind"),
      column("id"),
      column("agentId"),
      column("at"),
      column("hash"),
      column("isStored"),
      column("isSettled"),
    ],
  );
}

async function count(client: PoolClient): Promise<Comparison["checked"]> {
  const { rows } = await client.query<Comparison["checked"]>(
    `select (count(*) filter (where kind = 'pattern'))::integer as patterns,
            (count(*) filter (where kind = 'session'))::integer as sessions from logged`,
  );
  return rows[0] ?? { patterns: 0, sessions: 0 };
}

/**
 * Whether a source that was a copy sends something of before that itself: a pattern that was not on a queue yet. All else
 * that happened until then is the other source's to deliver.
 */
const isSentHere = `exists (
  select from public.learned_patterns p
   where f.kind = 'pattern' and p.id::text = f.id and (p.synced_at is null or p.synced_at > ${copiedUntil}))`;

async function findMissing(client: PoolClient): Promise<readonly Missing[]> {
  const { rows } = await client.query<Missing>(
    `with found as (
       select l.kind, l.id, l.agent_id, l.at, l.stored, array_remove(array_agg(m.place), null) as places
         from (select * from logged where settled and at is not null) l
         left join message m
           on m.kind = l.kind and m.at = l.at and m.hash = l.hash
          and m.who = case l.kind when 'pattern' then l.agent_id else l.id end
        group by l.kind, l.id, l.agent_id, l.at, l.stored
     )
     select f.kind, f.id, f.agent_id as "agentId", f.at::text as at,
            case when 'q' = any (f.places) then 'queue'
                 when 'a' = any (f.places) then 'not-stored'
                 when 'dlq' = any (f.places) then 'dead-letter'
                 when exists (select from public.learned_patterns p
                               where f.kind = 'pattern' and p.id::text = f.id and p.synced_at is null
                                 and p.agent_id = f.agent_id and p.learned_at = f.at)
                   then 'unsynced'
                 else 'nowhere' end as where
       from found f
      where not ('a' = any (f.places) and f.stored)
        and not (cardinality(f.places) = 0 and f.at <= ${copiedUntil} and not ${isSentHere})
      order by f.at, f.kind, f.id
      limit $1`,
    [longestList],
  );
  return rows;
}

async function findUnlogged(client: PoolClient, from: Date): Promise<readonly Unlogged[]> {
  const { rows } = await client.query<Unlogged>(
    `select m.kind, case m.kind when 'session' then m.who end as id, m.agent_id as "agentId",
            m.at::text as at, m.msg_id::text as "msgId"
       from message m
      where m.place = 'a' and m.at >= $1
        and not exists (
          select from logged l
           where l.kind = m.kind and l.at = m.at and l.hash = m.hash
             and m.who = case l.kind when 'pattern' then l.agent_id else l.id end)
      order by m.at, m.msg_id
      limit $2`,
    [from, longestList],
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
