import { type QueueName, queueNames } from "@centralcloud/contracts";
import { copiedUntil } from "@centralcloud/db";
import { queueTable } from "@centralcloud/queue";
import type { Answers } from "@centralcloud/service";
import { askSources, type OpenSource, type SourceOptions } from "./ask-sources.ts";

/** What waited in a queue of a source at one moment. */
export interface QueueDepth {
  readonly source: string;
  readonly queue: QueueName;
  /** UTC, by the source's clock. */
  readonly at: string;
  /** Messages that had been queued and not archived, those in flight among them. */
  readonly waiting: number;
  /** For how long the oldest of them had waited, in seconds. */
  readonly oldestAgeS: number;
}

export interface DepthsRequest {
  /** Default: every queue. */
  readonly queues?: readonly QueueName[];
  /** How far back, in seconds. */
  readonly forS: number;
  /** From one moment to the next, in seconds; from 1. */
  readonly everyS: number;
}

/** Moments that one source is asked for at most. */
const mostDepthSteps = 300;

/**
 * How many messages waited at each whole multiple of `everyS`, and how long the oldest had: reckoned from when those that
 * wait and those in the archive were queued, and when they were archived, so nothing is stored for it. Only moments at
 * which something waited are given, oldest first. A message that was dead-lettered is not counted, nor one that was sent
 * again from the archive.
 */
export function readQueueDepths(
  urls: readonly string[],
  options: SourceOptions,
  request: DepthsRequest,
): Promise<Answers<readonly QueueDepth[]>> {
  return askSources(urls, options, (source) => depthsOf(source, request));
}

/** The same of one source. */
export async function depthsOf(
  { pool, name }: OpenSource,
  { queues = queueNames, forS, everyS }: DepthsRequest,
): Promise<readonly QueueDepth[]> {
  const spanS = Math.min(forS, everyS * mostDepthSteps);
  const depths: QueueDepth[] = [];
  for (const queue of queues) {
    const { rows } = await pool.query<Omit<QueueDepth, "source" | "queue">>(depthsQuery(queue), [
      spanS,
      everyS,
    ]);
    depths.push(...rows.map((row) => ({ source: name, queue, ...row })));
  }
  return depths;
}

/** Messages are first counted by the moments between which they waited: there are few such pairs, however many messages. */
function depthsQuery(queue: QueueName): string {
  const epoch = (column: string) => `extract(epoch from ${column})::double precision`;
  const step = (column: string) => `ceil(${epoch(column)} / $2::double precision)::bigint`;
  const isMeant = (row: string) =>
    `isfinite(${row}.enqueued_at) and ${row}.enqueued_at <= s.until_at`;
  return `
    with span as materialized (
      select c.now - make_interval(secs => $1::double precision) as from_at, c.now as until_at
        from (select clock_timestamp() as now) c
    ), stays as (
      select greatest(${step("q.enqueued_at")}, ${step("s.from_at")}) as first,
             floor(${epoch("s.until_at")} / $2::double precision)::bigint as last, count(*) as messages, min(q.enqueued_at) as oldest
        from ${queueTable(queue, "q")} q cross join span s
       where ${isMeant("q")}
       group by 1, 2
      union all
      select greatest(${step("a.enqueued_at")}, ${step("s.from_at")}), ${step("a.archived_at")} - 1, count(*), min(a.enqueued_at)
        from ${queueTable(queue, "a")} a cross join span s
       where ${isMeant("a")} and a.archived_at >= s.from_at and a.archived_at <= s.until_at
         and a.archived_at > ${copiedUntil} and not coalesce(a.headers ? 'replayed_from_archive', false)
       group by 1, 2
    )
    select to_char(to_timestamp(g.step * $2::double precision) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at,
           sum(t.messages)::double precision as waiting,
           g.step * $2::double precision - ${epoch("min(t.oldest)")} as "oldestAgeS"
      from stays t
     cross join lateral generate_series(t.first, t.last) g (step)
     group by g.step
     order by g.step`;
}
