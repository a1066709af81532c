import { Hold } from "./hold.ts";
import type { ClaimedMessage, ReadLimits, ReadTurn, TurnedAway } from "./message.ts";
import { whetherOthersClaim } from "./others-claim.ts";
import type { Queryable } from "./queryable.ts";
import { queueTable } from "./queue-table.ts";

/**
 * Claims visible messages, as `pgmq.read` does: oldest first, skipping what others are claiming. Beside
 * pgmq's function, because that looks at every row in front of the first visible one, each time: those
 * that are in flight, and dead ones that a long transaction keeps. `afterId` begins behind them, and
 * `afterOthers` behind what was claimed last, which is what has the latest visibility timeout.
 *
 * Not prepared: a plan that was made while the queue was empty would scan it when it is long. For the
 * same reason pgmq plans each read anew.
 *
 * @param turn when it may; default: always.
 * @returns why it might not.
 */
export async function claim(
  db: Queryable,
  queue: string,
  limits: ReadLimits,
  turn: ReadTurn = {},
): Promise<readonly ClaimedMessage[] | TurnedAway> {
  const table = queueTable(queue, "q");
  const traceparent = limits.traceparents ? validTraceparent : "null::text";
  const claimedAt = performance.now();
  // The update finds its rows by an array, not a join, for which a plan may well read the whole queue; and
  // the answer has two columns, since each column of each row costs as much as its text.
  // The text is made once, where the row is; to_jsonb writes ISO 8601 whatever DateStyle says.
  // What is certainly too large never becomes text at all: escapes take six bytes each, so the text of a jsonb can
  // be over the gigabyte that PostgreSQL holds in one value, and the whole read would fail, again and again. A jsonb
  // is at most four times as large as its text. Its size is looked at only where it takes half a megabyte as stored:
  // compression makes a 255th of a value at best.
  // The time of the statement is the same for all its rows, so that they are known by one visibility timeout.
  // Nothing is withheld from nearly all reads, so their rows are not sorted and summed up for it.
  const { rows } = await db.query<{ readonly about: string | null; readonly body: string | null }>(
    `with others as materialized (
       ${whetherOthersClaim(queue, { visibilityTimeoutS: "$1", claimed: "$9", withinMs: "$10" })}
     ), turn as materialized (
       select from generate_series(1, coalesce($6::integer, 1)) n
        where (select o.claim from others o) is not true
          and ($6::integer is null
               or pg_try_advisory_xact_lock(hashtextextended('centralcloud read ' || $7, n)))
        limit 1
     ), next as materialized (
       select q.msg_id
         from ${table} q
        where exists (select from turn)
          and q.vt <= clock_timestamp()
          and (($5::bigint is null and not $8) or q.msg_id > greatest($5, case when $8 then (
            select c.msg_id from ${table} c where c.vt > clock_timestamp() order by c.vt desc limit 1) end))
        order by q.msg_id
        limit $2
          for update skip locked
     ), claimed as materialized (
       update ${table} q
          set vt = statement_timestamp() + make_interval(secs => $1), read_ct = q.read_ct + 1
        where q.msg_id = any (array(select n.msg_id from next n))
       returning q.msg_id, q.read_ct, q.enqueued_at, q.vt,
                 case when pg_column_size(q.message) > 500000 then pg_column_size(array[q.message]) else 0 end as size,
                 case when pg_column_size(q.message) <= 500000
                        or pg_column_size(array[q.message]) <= least(8 * $3::bigint, 150000000)
                      then q.message::text end as body,
                 case when coalesce(q.headers @> '{"replayed_from_archive": true}', false) then 'archive' else 'queue'
                 end as origin,
                 coalesce(${traceparent}, '') as traceparent
     ), measured as not materialized (
       select c.*, coalesce(octet_length(c.body), c.size) as bytes, c.body is null and c.size > 0 as has_no_text
         from claimed c
     ), total as materialized (
       select coalesce(max(m.bytes) <= $3::integer and sum(m.bytes) <= $4::integer
                   and not bool_or(m.has_no_text), true) as fits
         from measured m
     ), summed as (
       select m.*, coalesce(sum(octet_length(m.body)) filter (where m.bytes <= $3::integer)
                over (order by m.msg_id), 0) as running
         from measured m
        where not (select t.fits from total t)
     ), judged as (
       select m.msg_id, m.read_ct, m.enqueued_at, m.body, m.origin, m.traceparent, m.bytes, '' as withheld
         from measured m
        where (select t.fits from total t)
       union all
       select s.msg_id, s.read_ct, s.enqueued_at, s.body, s.origin, s.traceparent, s.bytes,
              case when s.bytes > $3::integer or s.has_no_text then 'too-large'
                   when s.running > $4::integer and s.running > s.bytes then 'memory-budget'
                   else ''
              end
         from summed s
     )
     select a.about, a.body
       from (
         select 0 as place, null as msg_id,
                case when exists (select from turn) then
                  (select (extract(epoch from c.vt) * 1000000)::bigint::text from claimed c limit 1)
                     when o.claim then 'others-read' else 'many-read' end as about, null as body
           from others o
         union all
         select 1, j.msg_id,
                j.msg_id || ' ' || j.read_ct || ' ' || (to_jsonb(j.enqueued_at) #>> '{}') || ' ' || j.bytes
                  || ' ' || j.origin || ' ' || j.withheld || ' ' || j.traceparent,
                case when j.withheld = '' then j.body end
           from judged j
       ) a
      order by a.place, a.msg_id`,
    [
      limits.visibilityTimeoutS,
      limits.quantity,
      limits.maxMessageBytes,
      limits.maxBatchBytes,
      limits.afterId ?? null,
      turn.maxReaders ?? null,
      queue,
      limits.afterOthers ?? false,
      turn.unlessOthers?.claimed ?? null,
      turn.unlessOthers?.withinMs ?? 0,
    ],
  );
  const [first, ...messages] = rows;
  const about = first?.about;
  if (about === "others-read" || about === "many-read") return about;
  const visibleAt = Number(about);
  const hold = new Hold(visibleAt, claimedAt);
  const answeredAtMs =
    visibleAt / 1_000 - limits.visibilityTimeoutS * 1_000 + performance.now() - claimedAt;
  return messages.map(({ about, body }) => {
    const [msgId, readCount, enqueuedAt, bytes, origin, withheld, parent] = String(about).split(
      " ",
    ) as [string, string, string, string, string, string, string];
    return {
      msgId,
      enqueuedAt,
      readCount: Number(readCount),
      hold,
      bytes: Number(bytes),
      ageMs: Math.round(answeredAtMs - Date.parse(enqueuedAt)),
      traceparent: parent === "" ? null : parent,
      body,
      withheld: withheld === "" ? null : (withheld as "too-large" | "memory-budget"),
      fromArchive: origin === "archive",
    };
  });
}

/** Of W3C's Trace Context, version 00; whatever else is in the header is left in the database. */
const validTraceparent =
  "substring(q.headers ->> 'traceparent' from '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$')";
