import { checkJobHealth, type JobStatus, scheduledJobsStatus } from "@centralcloud/scheduler";
import { shellWord, withoutContents } from "@centralcloud/service";
import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

/** When each job last succeeded, whoever runs it: one that never starts fails in no log. */
export async function checkJobs({ client }: CheckedDatabase): Promise<CheckResult[]> {
  const statuses = await scheduledJobsStatus(client);
  const problems = new Map(
    (await checkJobHealth(client)).map((problem) => [problem.job, problem] as const),
  );
  const checkResults = statuses.map((status) => {
    const found = problems.get(status.job);
    if (found !== undefined) return error(`${status.job}: ${found.problem}`, found.remedy);
    return judge(status);
  });
  return [...checkResults, ...(await findFutureTimes(client))];
}

/** What a clock that was set back has left behind; it decides nothing, but is no history either. */
async function findFutureTimes(client: CheckedDatabase["client"]): Promise<CheckResult[]> {
  const { runs, latest, declared } = await readRow<{
    runs: number;
    latest: string | null;
    declared: string | null;
  }>(
    client,
    `select count(*)::integer as runs, max(greatest(r.started_at, r.finished_at))::text as latest,
            (select o.applied_at::text from centralcloud_migrations.objects o
              where o.plane = 'singularity' and o.applied_at > clock_timestamp() + interval '1 minute') as declared
       from public.job_runs r
      where r.started_at > clock_timestamp() + interval '1 minute'
         or r.finished_at > clock_timestamp() + interval '1 minute'`,
  );
  const checkResults: CheckResult[] = [];
  if (runs > 0) {
    checkResults.push(
      warning(
        `${runs} runs of jobs are dated in the future, up to ${latest}: the server's clock was set back; they do not count`,
        "see that the clock is right, then: delete from public.job_runs where greatest(started_at, finished_at) > now() + interval '1 minute'",
      ),
    );
  }
  if (declared !== null) {
    checkResults.push(
      warning(
        `the list of jobs was changed in the future, at ${declared}: the server's clock was set back`,
        "see that the clock is right, then: update centralcloud_migrations.objects set applied_at = now() where applied_at > now()",
      ),
    );
  }
  return checkResults;
}

function judge({ job, lastStatus, lastError, lastSuccessAt }: JobStatus): CheckResult {
  const success =
    lastSuccessAt === null
      ? "has not succeeded yet"
      : `last succeeded at ${lastSuccessAt.toISOString()}`;
  if (lastStatus !== "failed") return ok(`${job} ${success}`);
  const remedy = `repair that, then try: centralcloud jobs run ${shellWord(job)}`;
  return warning(
    `${job} ${success}; its last run failed: ${withoutContents(lastError ?? "")}`,
    remedy,
  );
}
