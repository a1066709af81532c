/** What a registered job says; together with its id, a row of `cron.job`. */
export interface CronJob {
  readonly name: string | null;
  readonly schedule: string;
  readonly command: string;
  /** Where it runs. */
  readonly database: string;
  /** The role it runs as. */
  readonly owner: string;
}

export interface RegisteredCronJob extends CronJob {
  readonly id: string;
  readonly active: boolean;
  /** The database that it runs in, or clears the run log of, where the server has none of that name. */
  readonly gone: string | null;
}

/** A job as `public.scheduled_jobs` declares it. */
export interface DeclaredJob {
  readonly job: string;
  readonly schedule: string;
  readonly functionName: string;
  /** It works in steps, each a transaction. */
  readonly hasSteps: boolean;
}

/**
 * What pg_cron should have: the declared jobs, and one that clears its run log of our database, which
 * only the role that ran them sees. Names are unique in a server, so they carry the database where
 * pg_cron lives in another one.
 */
export function wantedCronJobs(
  declared: readonly DeclaredJob[],
  { source, name: cronDatabase, owner }: { source: string; name: string; owner: string },
): readonly CronJob[] {
  const nameOf = (job: string) => (source === cronDatabase ? job : `${job}@${source}`);
  const jobs = declared.map(({ job, schedule, hasSteps }) => ({
    name: nameOf(job),
    schedule,
    command: `${hasSteps ? "call public.run_job_in_steps" : "select public.run_job"}(${literal(job)}, 'pg_cron')`,
    database: source,
    owner,
  }));
  const cleanup = {
    name: nameOf(cleanupJob),
    schedule: "15 3 * * *",
    // A run that a crash of the server ended has no time.
    command:
      `${cleanupCommandOf(source)} and coalesce(end_time, start_time, '-infinity')` +
      " < now() - interval '7 days'",
    database: cronDatabase,
    owner,
  };
  return [...jobs, cleanup];
}

/**
 * Whether a registered job is ours: it calls `run_job` or `run_job_in_steps` in our database, or clears the run log of our
 * database. So is one by a name of ours that does so for a database that is gone, as after it was renamed:
 * it can only fail, for ever, and nobody else removes it. So is one that bears the name of a declared job and calls that job's function itself: it was
 * registered by hand, before there was `run_job`.
 */
export function isOurs(
  { name, command, database, gone }: RegisteredCronJob,
  declared: readonly DeclaredJob[],
  source: string,
): boolean {
  const called = calledJob(command);
  if (gone !== null) {
    const job = isCleanupOf(gone, command) ? cleanupJob : called;
    return job !== undefined && (name === job || name === `${job}@${gone}`);
  }
  if (name === cleanupJob || name === `${cleanupJob}@${source}`) {
    return isCleanupOf(source, command);
  }
  if (database !== source) return false;
  if (called !== undefined) return true;
  const namesake = declared.find(({ job }) => job === name);
  return namesake !== undefined && new RegExp(`\\b${namesake.functionName}\\s*\\(`).test(command);
}

/** The declared jobs among those registered that pg_cron runs: not those that somebody has paused. */
export function activeJobsOf(
  source: string,
  registered: readonly RegisteredCronJob[],
): ReadonlySet<string> {
  const jobs = registered.flatMap(({ active, database, command }) =>
    active && database === source ? (calledJob(command) ?? []) : [],
  );
  return new Set(jobs);
}

const cleanupJob = "cleanup-run-log";

function cleanupCommandOf(source: string): string {
  return `delete from cron.job_run_details where database = ${literal(source)}`;
}

function isCleanupOf(database: string, command: string): boolean {
  return command.startsWith(cleanupCommandOf(database));
}

function calledJob(command: string): string | undefined {
  return /^(?:select public\.run_job|call public\.run_job_in_steps)\('([^']+)', 'pg_cron'\)$/.exec(
    command,
  )?.[1];
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
