import { deadLetterQueueOf, type QueueName, queueNames } from "@centralcloud/contracts";
import { copiedUntil } from "@centralcloud/db";
import { QueueClient, type QueueMetrics, queueTable } from "@centralcloud/queue";
import type { Answers } from "@centralcloud/service";
import type { Pool } from "pg";
import { askSources, type OpenSource, type SourceOptions } from "./ask-sources.ts";

/** What waits in a queue of a source. */
export interface QueueReport {
  readonly source: string;
  readonly queue: QueueName;
  readonly total: number;
  readonly inFlight: number;
  readonly available: number;
  readonly oldestAgeSeconds: number | null;
  readonly deadLetters: number;
}

/** What waits in each queue of each source. */
export function readQueues(
  urls: readonly string[],
  options: SourceOptions,
): Promise<Answers<readonly QueueReport[]>> {
  return askSources(urls, options, reportQueues);
}

/** What waits in each queue of a source, in one statement. */
export async function reportQueues({ pool, name }: OpenSource): Promise<readonly QueueReport[]> {
  const metrics = await new QueueClient(pool).metricsOf([
    ...queueNames,
    ...queueNames.map(deadLetterQueueOf),
  ]);
  const deadLetters = metrics.slice(queueNames.length);
  return queueNames.map((queue, index): QueueReport => {
    const { total, inFlight, available, oldestAgeSeconds } = metrics[index] as QueueMetrics;
    const counts = { total, inFlight, available, oldestAgeSeconds };
    return { source: name, queue, ...counts, deadLetters: deadLetters[index]?.total ?? 0 };
  });
}

/** A message that waits, or is in flight. */
export interface PeekedMessage {
  readonly source: string;
  readonly sourceId: string;
  readonly queue: QueueName;
  /** In decimal digits. */
  readonly msgId: string;
  readonly enqueuedAt: string;
  /** From when on it can be read: in the future while somebody has it, or until its delay is over. */
  readonly visibleAt: string;
  readonly readCount: number;
  /** JSON text of its headers; null where it has none, or long ones. */
  readonly headers: string | null;
  /** The length of its JSON text. */
  readonly bytes: number;
  /** Its JSON text, where it was asked for and is not longer than asked for; of a session never. */
  readonly body: string | null;
  /** Of a session: JSON text of what its message says beside its state and its seal. */
  readonly session: string | null;
}

export interface PeekRequest {
  readonly queue: QueueName;
  /** Messages of each source at most, from 1. */
  readonly limit: number;
  /** Those after this id. */
  readonly after?: string;
  /** Bodies of so many bytes at most are given; default 0: none is. */
  readonly bodyBytes?: number;
}

/** Longer headers are left out, in bytes. */
const maxHeaderBytes = 4_096;

/**
 * The next messages of a queue of each source, the oldest first, as they stand: reads them without taking them, so that
 * their visibility and their counts of reads stay as they are. Locks nothing.
 */
export function peekQueue(
  urls: readonly string[],
  options: SourceOptions,
  request: PeekRequest,
): Promise<Answers<readonly PeekedMessage[]>> {
  return askSources(urls, options, ({ pool, name, sourceId }) =>
    request.queue === "agent-sessions"
      ? peekSessions(pool, { name, sourceId }, request)
      : peekMessages(pool, { name, sourceId }, request),
  );
}

type Named = Pick<OpenSource, "name" | "sourceId">;
type PeekedRow = Omit<PeekedMessage, "source" | "sourceId" | "queue">;

/** Never null, though whoever owns the table decides what stands there. */
const instant = (column: string) =>
  `coalesce(to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ${column}::text, '')`;

/** What a row tells without its message. */
const head = `
  coalesce(q.msg_id::text, '') as "msgId", ${instant("q.enqueued_at")} as "enqueuedAt", ${instant("q.vt")} as "visibleAt",
  coalesce(q.read_ct, 0)::integer as "readCount",
  case when octet_length(q.headers::text) <= ${maxHeaderBytes} then q.headers::text end as headers`;

async function peekMessages(
  pool: Pool,
  { name, sourceId }: Named,
  { queue, limit, after, bodyBytes = 0 }: PeekRequest,
): Promise<readonly PeekedMessage[]> {
  const { rows } = await pool.query<PeekedRow>(
    `select ${head}, coalesce(octet_length(t.text), 0) as bytes,
            case when octet_length(t.text) <= $3 then t.text end as body, null as session
       from (select * from ${queueTable(queue, "q")} q
              where $1::bigint is null or q.msg_id > $1
              order by q.msg_id limit $2) q
      cross join lateral (select q.message::text as text offset 0) t
      order by q.msg_id`,
    [after ?? null, limit, bodyBytes],
  );
  return rows.map((row) => ({ source: name, sourceId, queue, ...row }));
}

/** Whoever looks may not have the messages of sessions; a function says what may be known of them. */
async function peekSessions(
  pool: Pool,
  { name, sourceId }: Named,
  { queue, limit, after }: PeekRequest,
): Promise<readonly PeekedMessage[]> {
  const { rows } = await pool.query<PeekedRow>(
    `with q as materialized (
       select q.msg_id, q.enqueued_at, q.vt, q.read_ct, q.headers
         from ${queueTable(queue, "q")} q
        where $1::bigint is null or q.msg_id > $1
        order by q.msg_id limit $2
     )
     select ${head}, coalesce(d.message_bytes, 0) as bytes, null as body, d.description::text as session
       from q
       left join public.describe_session_messages(false, (select array_agg(q.msg_id) from q)) d using (msg_id)
      order by q.msg_id`,
    [after ?? null, limit],
  );
  return rows.map((row) => ({ source: name, sourceId, queue, ...row }));
}

/** What a queue of a source delivered in one stretch of time, by what its archives have. */
export interface QueueRate {
  readonly source: string;
  readonly queue: QueueName;
  /** When the stretch began: UTC, by the source's clock. */
  readonly at: string;
  readonly seconds: number;
  /** Messages that were archived: merged, or known as merged. */
  readonly merged: number;
  readonly perSecond: number;
  /** From when a message was queued until it was archived, in seconds; null where none was. Replays are not counted. */
  readonly latencyP50: number | null;
  readonly latencyP95: number | null;
  readonly latencyMax: number | null;
  /** Messages that were dead-lettered and are still in the dead-letter queue or its archive. */
  readonly deadLettered: number;
}

export interface RatesRequest {
  /** Default: every queue. */
  readonly queues?: readonly QueueName[];
  /** How far back, in seconds. */
  readonly forS: number;
  /** How long each stretch is, in seconds; from 1. */
  readonly everyS: number;
}

/** Stretches that one source gives at most. */
const maxStretches = 1_000;

/**
 * How much each queue delivered over time, and how long that took, from what its archives have: nothing else is stored
 * for it. Only stretches in which something happened are given, oldest first.
 */
export function readQueueRates(
  urls: readonly string[],
  options: SourceOptions,
  request: RatesRequest,
): Promise<Answers<readonly QueueRate[]>> {
  return askSources(urls, { waitsForWork: "among-few", ...options }, (source) =>
    ratesOf(source, request),
  );
}

/** The same of one source. */
export async function ratesOf(
  { pool, name }: OpenSource,
  { queues = queueNames, forS, everyS }: RatesRequest,
): Promise<readonly QueueRate[]> {
  const rates: QueueRate[] = [];
  for (const queue of queues) {
    const { rows } = await pool.query<Omit<QueueRate, "source" | "queue">>(
      ratesQuery(queue, queueTable),
      [forS, everyS, maxStretches],
    );
    rates.push(...rows.map((row) => ({ source: name, queue, ...row })));
  }
  return rates;
}

function ratesQuery(queue: QueueName, tableOf: typeof queueTable): string {
  const deadLetters = deadLetterQueueOf(queue);
  const stretch = (column: string) =>
    `floor(extract(epoch from ${column}) / $2::double precision)::bigint`;
  const since = "clock_timestamp() - make_interval(secs => $1::double precision)";
  const died = (table: string) => `
    select ${stretch("d.enqueued_at")} as stretch from ${table} d
     where d.enqueued_at >= ${since} and d.enqueued_at <= clock_timestamp()`;
  return `
    with merged as (
      select ${stretch("a.archived_at")} as stretch, count(*) as merged,
             percentile_cont(0.5) within group (order by l.seconds) as p50,
             percentile_cont(0.95) within group (order by l.seconds) as p95,
             max(l.seconds) as most
        from ${tableOf(queue, "a")} a
       cross join lateral (
         select case when isfinite(a.enqueued_at) and not coalesce(a.headers ? 'replayed_from_archive', false)
                     then extract(epoch from a.archived_at - a.enqueued_at)::double precision end as seconds
       ) l
       where a.archived_at >= ${since} and a.archived_at <= clock_timestamp()
         and a.archived_at > ${copiedUntil} and not coalesce(a.headers ? 'set_aside', false)
       group by 1
    ), died as (
      select d.stretch, count(*) as died
        from (${died(tableOf(deadLetters, "q"))} union all ${died(tableOf(deadLetters, "a"))}) d
       group by 1
    )
    select to_char(to_timestamp(s.stretch * $2::double precision) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at,
           $2::double precision as seconds,
           coalesce(m.merged, 0)::double precision as merged,
           coalesce(m.merged, 0)::double precision / $2 as "perSecond",
           m.p50 as "latencyP50", m.p95 as "latencyP95", m.most as "latencyMax",
           coalesce(x.died, 0)::double precision as "deadLettered"
      from (select stretch from merged union select stretch from died order by 1 desc limit $3) s (stretch)
      left join merged m using (stretch)
      left join died x using (stretch)
     order by s.stretch`;
}
