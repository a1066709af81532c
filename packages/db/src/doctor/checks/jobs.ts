import { withoutContents } from "@centralcloud/service";
import { checkJobHealth } from "../../jobs/job-health.ts";
import { type JobStatus, scheduledJobsStatus } from "../../jobs/job-status.ts";
import type { CheckedDatabase } from "../check.ts";
import { error, ok, type Verdict, warning } from "../finding.ts";

/** When each job last succeeded, whoever runs it: one that never starts fails in no log. */
export async function checkJobs({ client }: CheckedDatabase): Promise<Verdict[]> {
  const statuses = await scheduledJobsStatus(client);
  const problems = new Map(
    (await checkJobHealth(client)).map((problem) => [problem.job, problem] as const),
  );
  return statuses.map((status) => {
    const found = problems.get(status.job);
    if (found !== undefined) return error(`${status.job}: ${found.problem}`, found.remedy);
    return judge(status);
  });
}

function judge({ job, lastStatus, lastError, lastSuccessAt }: JobStatus): Verdict {
  const success =
    lastSuccessAt === null
      ? "has not succeeded yet"
      : `last succeeded at ${lastSuccessAt.toISOString()}`;
  if (lastStatus !== "failed") return ok(`${job} ${success}`);
  const remedy = `mend that, then try: centralcloud jobs run ${job}`;
  return warning(
    `${job} ${success}; its last run failed: ${withoutContents(lastError ?? "")}`,
    remedy,
  );
}
