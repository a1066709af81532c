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
}

/** A job as `public.scheduled_jobs` declares it. */
export interface DeclaredJob {
  readonly job: string;
  readonly schedule: string;
  readonly functionName: string;
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
  const jobs = declared.map(({ job, schedule }) => ({
    name: nameOf(job),
    schedule,
    command: `select public.run_job(${literal(job)}, 'pg_cron')`,
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
 * Whether a registered job is ours: it calls `run_job` in our database, or clears the run log of our
 * database. So is one that bears the name of a declared job and calls that job's function itself: it was
 * registered by hand, before there was `run_job`.
 */
export function isOurs(
  { name, command, database }: RegisteredCronJob,
  declared: readonly DeclaredJob[],
  source: string,
): boolean {
  if (name === cleanupJob || name === `${cleanupJob}@${source}`) {
    return command.startsWith(cleanupCommandOf(source));
  }
  if (database !== source) return false;
  if (calledJob(command) !== undefined) return true;
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

function calledJob(command: string): string | undefined {
  return /^select public\.run_job\('([^']+)', 'pg_cron'\)$/.exec(command)?.[1];
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
