import { type ClaimedMessage, ClaimToken } from "./message.ts";
import { type Queryable, queueTable } from "./queue-table.ts";

/** The limits of one read, and where in the queue it begins. */
export interface ReadLimits {
  /** The lease: how long the messages stay invisible to others, in whole seconds. */
  readonly visibilityTimeoutS: number;
  /** Messages at most, from 1. */
  readonly quantity: number;
  /** Only messages with a higher id, so that the rows in front are not visited; default: all. */
  readonly afterId?: string;
  /** Only messages with a higher id than the one claimed last, by any reader; only a hint. Default false. */
  readonly afterOthers?: boolean;
  /** A message whose text is longer than this (UTF-8 bytes) is claimed, but its body stays in the database. */
  readonly maxMessageBytes: number;
  /** The bodies of one read together, in UTF-8 bytes; the first message is fetched in any case. */
  readonly maxBatchBytes: number;
  /** Whether `traceparent` is read from the headers; default false. */
  readonly traceparents?: boolean;
}

/** Under which conditions a read may claim, among all processes that read the queue. */
export interface ReaderSlotRequest {
  /** The number of reader slots: the read claims only if it gets one of them, from 1; default: no limit. */
  readonly maxReaders?: number;
  /**
   * Claims only if fewer than `claimed` messages were claimed within the last `withinMs` milliseconds, counting those
   * that are still in flight and were claimed with the same visibility timeout; default: no such condition.
   */
  readonly unlessOthers?: {
    readonly claimed: number;
    readonly withinMs: number;
    /** Whether a cheaper statement asks before the read, for readers that expect a refusal; default false. */
    readonly asksFirst?: boolean;
  };
}

/**
 * Why a read did not claim: every reader slot was taken, or others claimed so much that this reader is not needed.
 */
export type SlotRefusal = "no-slot" | "not-needed";

/**
 * Claims visible messages, as `pgmq.read` does: oldest first, skipping rows that other reads have locked. Not by pgmq's
 * function, because that visits every row in front of the first visible one, each time: messages in flight, and dead
 * rows that a long transaction keeps. `afterId` begins behind them, and `afterOthers` begins behind the message that was
 * claimed last, which is the one with the latest visibility timeout.
 *
 * The statement is not prepared: a plan that was made while the queue was empty would scan it when it is long. For the
 * same reason pgmq plans each read anew.
 *
 * @param slot the conditions under which it claims; default: none.
 * @returns the messages, lowest id first, or which condition did not hold.
 */
export async function readMessages(
  db: Queryable,
  queue: string,
  limits: ReadLimits,
  slot: ReaderSlotRequest = {},
): Promise<readonly ClaimedMessage[] | SlotRefusal> {
  const table = queueTable(queue, "q");
  const traceparent = limits.traceparents ? validTraceparent : "null::text";
  const claimedAt = performance.now();
  // The update finds its rows by an array, not a join, for which a plan may well read the whole queue. The answer has
  // two columns, since each column of each row costs as much as its text. The text is made once, where the row is;
  // to_jsonb writes ISO 8601 whatever DateStyle says.
  //
  // A body becomes text only if it certainly fits, since making text is what costs: a compressed value can be 255 times
  // as large as it is stored, escapes take six bytes each, and all texts of the read are in temporary files until they
  // are sent. So a value that is small and not compressed becomes text at once. Of the others, the oldest are
  // decompressed to learn their size, up to `maxDecompressedBytes` as stored; then the oldest become text, up to four
  // times what the batch may hold. A jsonb is at most four times as large as its text. The rest is "memory-budget"
  // without having been read.
  //
  // All rows get the time of the statement, so one visibility timeout identifies the read.
  // Fast path (`total.fits`): most reads fit the byte limits, so the window functions are skipped.
  const { rows } = await db.query<{ readonly about: string | null; readonly body: string | null }>(
    `with others as materialized (
       ${othersClaimedEnough(queue, { visibilityTimeoutS: "$1", claimed: "$9", withinMs: "$10" })}
     ), slot as materialized (
       select from generate_series(1, coalesce($6::integer, 1)) n
        where (select o.claimed_enough from others o) is not true
          and ($6::integer is null
               or pg_try_advisory_xact_lock(hashtextextended('centralcloud read ' || $7, n)))
        limit 1
     ), next as materialized (
       select q.msg_id
         from ${table} q
        where exists (select from slot)
          and q.vt <= clock_timestamp()
          and (($5::bigint is null and not $8) or q.msg_id > greatest($5, case when $8 then (
            select c.msg_id from ${table} c where c.vt > clock_timestamp() order by c.vt desc limit 1) end))
        order by q.msg_id
        limit $2
          for update skip locked
     ), claimed as materialized (
       update ${table} q
          set vt = statement_timestamp() + make_interval(secs => $1), read_ct = least(q.read_ct, 2147483646) + 1
        where q.msg_id = any (array(select n.msg_id from next n))
       returning q.msg_id, q.read_ct, q.enqueued_at, q.vt,
                 pg_column_size(q.message) as stored,
                 pg_column_compression(q.message) is not null as compressed,
                 case when ${isSmall} then q.message::text end as body,
                 case when not ${isSmall} then q.message end as large,
                 case when coalesce(q.headers @> '{"replayed_from_archive": true}', false) then 'archive' else 'queue'
                 end as origin,
                 coalesce(${traceparent}, '') as traceparent
     ), total as materialized (
       select coalesce(bool_and(c.large is null) and max(octet_length(c.body)) <= $3::integer
                   and sum(octet_length(c.body)) <= $4::integer, true) as fits
         from claimed c
     ), sized as (
       select c.*,
              case when c.large is null then octet_length(c.body)
                   when not c.compressed then c.stored
                   when c.decompressed_before <= ${maxDecompressedBytes} then pg_column_size(array[c.large])
              end as raw
         from (select d.*, coalesce(sum(d.stored) filter (where d.compressed) over before, 0) as decompressed_before
                 from claimed d
                where not (select t.fits from total t)
               window before as (order by d.msg_id rows between unbounded preceding and 1 preceding)) c
     ), texts as materialized (
       select l.msg_id, l.read_ct, l.enqueued_at, l.origin, l.traceparent, l.raw, l.large is null as is_small,
              l.raw > ${rawLimit} as is_huge,
              case when l.large is null then l.body
                   when l.raw <= ${rawLimit} and l.raw_before <= 4 * $4::bigint then l.large::text
              end as body
         from (select k.*, coalesce(sum(k.raw) filter (where k.raw <= ${rawLimit}) over before, 0) as raw_before
                 from sized k
               window before as (order by k.msg_id rows between unbounded preceding and 1 preceding)) l
     ), answer as (
       select c.msg_id, c.read_ct, c.enqueued_at, c.body, c.origin, c.traceparent,
              coalesce(octet_length(c.body), 0) as bytes, '' as withheld
         from claimed c
        where (select t.fits from total t)
       union all
       select s.msg_id, s.read_ct, s.enqueued_at, s.body, s.origin, s.traceparent,
              coalesce(octet_length(s.body), s.raw, case when s.is_small then 0 else $3::integer end) as bytes,
              case when s.is_huge or octet_length(s.body) > $3::integer then 'too-large'
                   when s.body is null and not s.is_small then 'memory-budget'
                   when s.running > $4::integer and s.running > octet_length(s.body) then 'memory-budget'
                   else ''
              end
         from (select x.*, coalesce(sum(octet_length(x.body)) filter (where octet_length(x.body) <= $3::integer)
                             over (order by x.msg_id), 0) as running
                 from texts x) s
     )
     select a.about, a.body
       from (
         select 0 as place, null as msg_id,
                case when exists (select from slot) then
                  (select (extract(epoch from c.vt) * 1000000)::bigint::text from claimed c limit 1)
                     when o.claimed_enough then 'not-needed' else 'no-slot' end as about, null as body
           from others o
         union all
         select 1, j.msg_id,
                j.msg_id || '|' || j.read_ct || '|' || (to_jsonb(j.enqueued_at) #>> '{}') || '|' || j.bytes
                  || '|' || j.origin || '|' || j.withheld || '|' || j.traceparent,
                case when j.withheld = '' then j.body end
           from answer j
       ) a
      order by a.place, a.msg_id`,
    [
      limits.visibilityTimeoutS,
      limits.quantity,
      limits.maxMessageBytes,
      limits.maxBatchBytes,
      limits.afterId ?? null,
      slot.maxReaders ?? null,
      queue,
      limits.afterOthers ?? false,
      slot.unlessOthers?.claimed ?? null,
      slot.unlessOthers?.withinMs ?? 0,
    ],
  );
  const [first, ...messages] = rows;
  const about = first?.about;
  if (about === "not-needed" || about === "no-slot") return about;
  const visibleAt = Number(about);
  const claimToken = new ClaimToken(visibleAt, claimedAt);
  const answeredAtMs =
    visibleAt / 1_000 - limits.visibilityTimeoutS * 1_000 + performance.now() - claimedAt;
  return messages.map(({ about, body }) => {
    const [msgId, readCount, enqueuedAt, bytes, origin, withheld, parent] = String(about).split(
      "|",
    ) as [string, string, string, string, string, string, string];
    return {
      msgId,
      enqueuedAt,
      readCount: Number(readCount),
      claimToken,
      bytes: Number(bytes),
      ageMs: ageMs(answeredAtMs, enqueuedAt),
      traceparent: parent === "" ? null : parent,
      body,
      withheld: withheld === "" ? null : (withheld as "too-large" | "memory-budget"),
      fromArchive: origin === "archive",
    };
  });
}

/** Parameters of a statement, such as `$1`. */
interface ClaimPlaces {
  readonly visibilityTimeoutS: string;
  readonly claimed: string;
  readonly withinMs: string;
}

/**
 * SQL: a query with one row and the column `claimed_enough`: whether at least `claimed` messages were claimed within the
 * last `withinMs` milliseconds. Such a message has nearly all of its visibility timeout ahead; one that was only sent
 * with the same delay has a read count of 0. Where `claimed` is null, no row is visited and the result is null.
 */
function othersClaimedEnough(queue: string, places: ClaimPlaces): string {
  const { visibilityTimeoutS, claimed, withinMs } = places;
  const from = `statement_timestamp() + make_interval(secs => ${visibilityTimeoutS} - ${withinMs}::float8 / 1000)`;
  const to = `statement_timestamp() + make_interval(secs => ${visibilityTimeoutS} + ${withinMs}::float8 / 1000)`;
  return `select count(*) >= ${claimed}::integer as claimed_enough
            from (select from ${queueTable(queue, "q")} c
                   where ${claimed}::integer is not null
                     and c.vt between ${from} and ${to}
                     and c.read_ct > 0
                   order by c.vt desc
                   limit ${claimed}::integer) c`;
}

/** Asks the condition `unlessOthers` of a read by itself, at a fifth of what a read costs that does not claim. */
export async function isReaderNotNeeded(
  db: Queryable,
  queue: string,
  { visibilityTimeoutS }: ReadLimits,
  { claimed, withinMs }: NonNullable<ReaderSlotRequest["unlessOthers"]>,
): Promise<boolean> {
  const { rows } = await db.query<{ readonly claimed_enough: boolean }>(
    othersClaimedEnough(queue, { visibilityTimeoutS: "$1", claimed: "$2", withinMs: "$3" }),
    [visibilityTimeoutS, claimed, withinMs],
  );
  return rows[0]?.claimed_enough ?? false;
}

/**
 * Whether any reader slot of a queue is held by a login that may read the queue. Slots are advisory locks, which any
 * login can take; those that an application took do not count.
 */
export async function isSlotHeldByReader(db: Queryable, queue: string): Promise<boolean> {
  const { rows } = await db.query<{ held: boolean }>(
    `select exists (
       select from generate_series(1, 8) n
         join pg_locks l on (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('centralcloud read ' || $1, n)
         join pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
          and l.database = (select d.oid from pg_database d where d.datname = current_database())
          and has_table_privilege(a.usesysid, $2::regclass, 'update')) as held`,
    [queue, queueTable(queue, "q")],
  );
  return rows[0]?.held ?? true;
}

/** Compressed messages that one read decompresses to learn their size, in bytes as stored; the first one in any case. */
const maxDecompressedBytes = 1_048_576;

/** A jsonb above this, in bytes, never becomes text: it is over the limit, or could exceed PostgreSQL's gigabyte. */
const rawLimit = "least(8 * $3::bigint, 150000000)";

/** SQL: a value that becomes text at once; all of them together stay below four times what the batch may hold. */
const isSmall =
  "(pg_column_compression(q.message) is null and coalesce(pg_column_size(q.message), 0) <= least(8 * $3::bigint, 4 * $4::bigint / $2))";

/** In whole milliseconds; 0 for a time that JavaScript can't parse: before Christ, infinite, or beyond the year 9999. */
function ageMs(nowMs: number, enqueuedAt: string): number {
  const age = Math.round(nowMs - Date.parse(enqueuedAt));
  return Number.isFinite(age) ? age : 0;
}

/** SQL: the header, if it is one of W3C's Trace Context, version 00; else null. */
const validTraceparent =
  "substring(q.headers ->> 'traceparent' from '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$')";
