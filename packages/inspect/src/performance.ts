import type { Answers } from "@centralcloud/service";
import { askSources, type OpenSource, type SourceOptions } from "./ask-sources.ts";

/** How fast agents of a source finished tasks in one stretch of time, by `agent_performance_5min`. */
export interface AgentPerformance {
  readonly source: string;
  /** When the stretch began, in UTC. */
  readonly at: string;
  readonly taskCount: number;
  /** Of all tasks of the stretch, in milliseconds. */
  readonly avgMs: number;
  /** The highest of its agents and five minutes, in milliseconds. */
  readonly p95Ms: number;
}

export interface PerformanceRequest {
  /** Of this agent; default: of all together. */
  readonly agent?: string;
  /** How far back, in seconds. */
  readonly forS: number;
  /** How long each stretch is, in seconds: a multiple of 300. */
  readonly everyS: number;
}

/** Stretches that one source gives at most. */
const mostStretches = 1_000;

/**
 * How fast agents finished tasks over time. Only stretches with tasks are given, oldest first. The view is as new as the
 * last run of the job that refreshes it.
 */
export function readAgentPerformance(
  urls: readonly string[],
  options: SourceOptions,
  request: PerformanceRequest,
): Promise<Answers<readonly AgentPerformance[]>> {
  return askSources(urls, options, (source) => performanceOf(source, request));
}

/** The same of one source. */
export async function performanceOf(
  { pool, name }: OpenSource,
  { agent, forS, everyS }: PerformanceRequest,
): Promise<readonly AgentPerformance[]> {
  const { rows } = await pool.query<Omit<AgentPerformance, "source">>(
    `select to_char(to_timestamp(t.stretch * $3::double precision) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at,
              t.tasks::double precision as "taskCount", t.average::double precision as "avgMs",
              t.p95::double precision as "p95Ms"
         from (
           select floor(extract(epoch from v.bucket) / $3::double precision)::bigint as stretch, sum(v.task_count) as tasks,
                  sum(v.avg_duration_ms * v.task_count) / sum(v.task_count) as average, max(v.p95_duration_ms) as p95
             from public.agent_performance_5min v
            where ($1::text is null or v.agent_id = $1)
              and v.bucket >= clock_timestamp() - make_interval(secs => $2::double precision)
              and v.bucket <= clock_timestamp()
            group by 1
            order by 1 desc
            limit ${mostStretches}
         ) t
        order by t.stretch`,
    [agent ?? null, forS, everyS],
  );
  return rows.map((row) => ({ source: name, ...row }));
}
