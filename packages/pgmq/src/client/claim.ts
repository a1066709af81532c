import { Hold } from "./hold.ts";
import type { ClaimedMessage, ReadLimits } from "./message.ts";
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
 * @param maxReaders how many may claim at the same time; undefined: any number.
 * @returns undefined when there were `maxReaders` already.
 */
export async function claim(
  db: Queryable,
  queue: string,
  limits: ReadLimits,
  maxReaders?: number,
): Promise<readonly ClaimedMessage[] | undefined> {
  const table = queueTable(queue, "q");
  const traceparent = limits.traceparents ? validTraceparent : "null::text";
  const claimedAt = performance.now();
  // Materialized, so that a large message becomes text once; to_jsonb writes ISO 8601 whatever DateStyle says.
  // What is certainly too large never becomes text at all: escapes take six bytes each, so the text of a jsonb can
  // be over the gigabyte that PostgreSQL holds in one value, and the whole read would fail, again and again. A jsonb
  // is at most four times as large as its text. Its size is looked at only where it takes half a megabyte as stored:
  // compression makes a 255th of a value at best.
  // The time of the statement is the same for all its rows, so that they are known by one visibility timeout.
  const { rows } = await db.query<ClaimedRow | { readonly msgId: null }>(
    `with turn as materialized (
       select from generate_series(1, coalesce($6::integer, 1)) n
        where $6::integer is null
           or pg_try_advisory_xact_lock(hashtextextended('centralcloud read ' || $7, n))
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
         from next
        where q.msg_id = next.msg_id
       returning q.msg_id, q.read_ct, q.enqueued_at, q.vt, q.message, q.headers
     ), texts as materialized (
       select c.msg_id, c.read_ct, c.enqueued_at, c.vt, s.size,
              case when s.size <= least(8 * $3::bigint, 150000000) then c.message::text end as body,
              coalesce(c.headers @> '{"replayed_from_archive": true}', false) as from_archive,
              ${traceparent} as traceparent
         from claimed c
        cross join lateral (
          select case when pg_column_size(c.message) > 500000 then pg_column_size(array[c.message]) else 0 end
        ) as s (size)
     ), sized as (
       select t.*, coalesce(octet_length(t.body), t.size) as bytes,
              coalesce(sum(octet_length(t.body)) filter (where octet_length(t.body) <= $3::integer)
                over (order by t.msg_id), 0) as running
         from texts t
     ), judged as (
       select s.*, case when s.bytes > $3::integer or (s.body is null and s.size > 0) then 'too-large'
                        when s.running > $4::integer and s.running > s.bytes then 'memory-budget'
                   end as withheld
         from sized s
     )
     select j.msg_id::text as "msgId", j.read_ct as "readCount",
            to_jsonb(j.enqueued_at) #>> '{}' as "enqueuedAt", j.bytes, j.withheld,
            j.from_archive as "fromArchive", j.traceparent,
            round(date_part('epoch', clock_timestamp() - j.enqueued_at) * 1000) as "ageMs",
            (extract(epoch from j.vt) * 1000000)::float8 as "visibleAt",
            case when j.withheld is null then j.body end as body
       from (
         select * from judged
         union all
         select null, null, null, null, null, null, null, null, null, null, null where not exists (select from turn)
       ) j
      order by j.msg_id`,
    [
      limits.visibilityTimeoutS,
      limits.quantity,
      limits.maxMessageBytes,
      limits.maxBatchBytes,
      limits.afterId ?? null,
      maxReaders ?? null,
      queue,
      limits.afterOthers ?? false,
    ],
  );
  if (!rows.every(isMessage)) return undefined;
  const [first] = rows;
  if (first === undefined) return [];
  const hold = new Hold(first.visibleAt, claimedAt);
  return rows.map(({ visibleAt, ...message }) => ({ ...message, hold }));
}

/** Of W3C's Trace Context, version 00; whatever else is in the header is left in the database. */
const validTraceparent =
  "substring(c.headers ->> 'traceparent' from '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$')";

interface ClaimedRow extends Omit<ClaimedMessage, "hold"> {
  readonly visibleAt: number;
}

function isMessage(row: ClaimedRow | { readonly msgId: null }): row is ClaimedRow {
  return row.msgId !== null;
}
