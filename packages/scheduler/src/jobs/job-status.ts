import type { ClientBase, Pool } from "pg";

/** The state of a job, whoever runs it. "Last" is the last run that was not skipped. */
export interface JobStatus {
  readonly job: string;
  /** Five fields of cron, in UTC. */
  readonly schedule: string;
  readonly description: string;
  readonly lastStartedAt: Date | null;
  readonly lastStatus: "succeeded" | "failed" | null;
  readonly lastDurationMs: number | null;
  /** Why the last run failed. */
  readonly lastError: string | null;
  /** `pg_cron`, `scheduler`, or who asked for it. */
  readonly lastStartedBy: string | null;
  readonly lastSuccessAt: Date | null;
  readonly runCount24h: number;
  readonly failureCount24h: number;
  /** How often it was due while it was still running. */
  readonly skippedCount24h: number;
  /** Who last ran it unasked; null where nobody has. */
  readonly runner: "pg_cron" | "scheduler" | null;
}

/** Every job of a Singularity database, by name. */
export async function scheduledJobsStatus(
  source: Pool | ClientBase,
): Promise<readonly JobStatus[]> {
  const { rows } = await source.query<JobStatus>(`
    select s.job_name as "job", s.schedule, s.description,
           s.last_started_at as "lastStartedAt", s.last_status as "lastStatus",
           s.last_duration_ms as "lastDurationMs", s.last_error as "lastError",
           s.last_started_by as "lastStartedBy", s.last_success_at as "lastSuccessAt",
           s.run_count_24h::integer as "runCount24h",
           s.failure_count_24h::integer as "failureCount24h",
           s.skipped_count_24h::integer as "skippedCount24h", s.runner
      from public.scheduled_jobs_status s
     order by s.job_name`);
  return rows;
}

/** One run of a job. Times in UTC with microseconds. */
export interface JobRunReport {
  /** In decimal digits. */
  readonly id: string;
  readonly job: string;
  readonly status: "succeeded" | "failed" | "skipped";
  /** `pg_cron`, `scheduler`, or who asked for it. */
  readonly startedBy: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly durationMs: number | null;
  /** JSON text of the rows that the job returned; null where it is long, or there are none. */
  readonly result: string | null;
  /** Why it failed; or whose run was under way. */
  readonly error: string | null;
}

export interface JobRunFilter {
  readonly job?: string;
  readonly statuses?: readonly JobRunReport["status"][];
  /** Those that stand before this one: by the time of their start, and then by id. */
  readonly before?: { readonly at: string; readonly id: string };
  readonly limit: number;
}

/** Longer results are left out, in bytes of their text. */
const maxResultBytes = 4_096;

/** Runs of jobs, newest first. */
export async function listJobRuns(
  source: Pick<Pool, "query">,
  { job, statuses, before, limit }: JobRunFilter,
): Promise<readonly JobRunReport[]> {
  const instant = (column: string) =>
    `coalesce(to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ${column}::text, '')`;
  const { rows } = await source.query<JobRunReport>(
    `select coalesce(r.run_id::text, '0') as id, coalesce(left(r.job_name, 200), '') as job,
            coalesce(left(r.status, 20), '') as status, coalesce(left(r.started_by, 200), '') as "startedBy",
            ${instant("r.started_at")} as "startedAt", ${instant("r.finished_at")} as "finishedAt",
            case when isfinite(r.started_at) and isfinite(r.finished_at)
                 then (extract(epoch from r.finished_at - r.started_at) * 1000)::double precision end as "durationMs",
            case when octet_length(r.result::text) <= ${maxResultBytes} then r.result::text end as result,
            left(r.error, 2000) as error
       from public.job_runs r
      where ($1::text is null or r.job_name = $1)
        and ($2::text[] is null or r.status = any ($2))
        and ($3::timestamptz is null or (r.started_at, r.run_id) < ($3, $4::bigint))
      order by r.started_at desc, r.run_id desc
      limit $5`,
    [job ?? null, statuses ?? null, before?.at ?? null, before?.id ?? null, limit],
  );
  return rows;
}

/** What decides when a job is due. */
export interface JobTimes {
  readonly job: string;
  readonly schedule: string;
  /** When the database's list of jobs was last changed: what was due before it was not missed. */
  readonly declaredAt: Date;
  /** Of any run, a skipped one too. */
  readonly lastStartedAt: Date | null;
  readonly lastStartedBy: string | null;
  readonly lastSuccessAt: Date | null;
}

/** A source declares no more jobs than this; ours are a dozen. */
export const mostJobs = 64;

/**
 * When each job last ran, and what time it is: by the database's clock, which is the only one that
 * decides, so that a host whose clock is off runs nothing twice. At most {@link mostJobs}, by name, of however many
 * somebody has declared.
 */
export async function readJobTimes(
  source: Pool | ClientBase,
): Promise<{ readonly now: Date; readonly jobs: readonly JobTimes[]; readonly areAll: boolean }> {
  const { rows } = await source.query<JobTimes & { readonly now: Date }>(`
    select pg_catalog.clock_timestamp() as now, left(t.job_name, 200) as "job", left(t.schedule, 200) as schedule,
           t.declared_at as "declaredAt", t.last_started_at as "lastStartedAt",
           t.last_started_by as "lastStartedBy", t.last_success_at as "lastSuccessAt"
      from public.job_times t
     order by t.job_name
     limit ${mostJobs + 1}`);
  const jobs = rows.slice(0, mostJobs);
  return { now: rows[0]?.now ?? new Date(), jobs, areAll: rows.length <= mostJobs };
}
