import { PgCronUnusableError, withCronDatabaseOf } from "@centralcloud/scheduler";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok } from "../finding.ts";

interface LastRun {
  readonly job: string;
  readonly status: string;
  readonly why: string | null;
  readonly endedAt: Date | null;
}

/**
 * What pg_cron says of its own last run of each job. A job that fails is in our record, but one that pg_cron
 * could not even start (no connection, no such role) is in pg_cron's alone.
 */
export async function checkCronRuns(database: CheckedDatabase): Promise<CheckResult[]> {
  const runs = await readLastRuns(database);
  if (runs === undefined) return [];
  const failed = runs.filter(({ status }) => status === "failed");
  if (failed.length === 0) return [ok(`pg_cron could start ${runs.length} jobs the last time`)];
  return failed.map(({ job, why, endedAt }) => {
    const when = endedAt === null ? "" : ` at ${endedAt.toISOString()}`;
    return error(
      `pg_cron could not run ${job}${when}: ${why?.trim().split("\n")[0] ?? "it does not say why"}`,
      "set cron.use_background_workers = on and see that the job's role may connect; see " +
        "docs/operate/jobs.md; meanwhile keep `centralcloud scheduler` running",
    );
  });
}

/** Undefined where there is no pg_cron, or this role may not look; the check scheduling says so. */
async function readLastRuns({
  url,
  client: source,
}: CheckedDatabase): Promise<readonly LastRun[] | undefined> {
  try {
    return await withCronDatabaseOf({ url, source }, async ({ client, source: name }) => {
      const { rows } = await client.query<LastRun>(
        `select j.jobname as job, d.status, d.return_message as why, d.end_time as "endedAt"
           from cron.job j
          cross join lateral (
            select r.status, r.return_message, r.end_time from cron.job_run_details r
             where r.jobid = j.jobid and r.status in ('succeeded', 'failed')
             order by r.runid desc limit 1
          ) d
          where j.database = $1 and j.active and j.command like '%public.run_job%(%'
          order by j.jobname`,
        [name],
      );
      return rows;
    });
  } catch (cause) {
    const { code } = cause as { code?: string };
    // No cron schema yet, or no right to look.
    if (cause instanceof PgCronUnusableError || code === "42P01" || code === "42501")
      return undefined;
    throw cause;
  }
}
