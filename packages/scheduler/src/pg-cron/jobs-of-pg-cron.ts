import type { ClientBase } from "pg";
import { readCronJobs } from "./cron-catalog.ts";
import { type CronDatabase, withCronDatabase, withCronDatabaseOf } from "./cron-database.ts";
import { activeJobsOf, isOurs } from "./cron-job.ts";

/** What pg_cron does for a Singularity database, as far as this role can see. */
export interface CronWork {
  /** The declared jobs that it runs: registered and active. */
  readonly active: ReadonlySet<string>;
  /** Databases that are gone and that it still has jobs of ours for: they were renamed or dropped. `registerSchedules` removes them. */
  readonly gone: readonly string[];
}

const nothing: CronWork = { active: new Set(), gone: [] };

/** The declared jobs that the server's pg_cron runs. Empty where pg_cron is absent, or hidden from this role. */
export async function jobsOfPgCron(url: string): Promise<ReadonlySet<string>> {
  const { active } = await orNothing(withCronDatabase(url, readWork));
  return active;
}

/** Nothing where pg_cron is absent, or hidden from this role. @param source a connection outside of a transaction. */
export async function readCronWork(database: {
  readonly url: string;
  readonly source: ClientBase;
}): Promise<CronWork> {
  return await orNothing(withCronDatabaseOf(database, readWork));
}

async function readWork({ client, source }: CronDatabase): Promise<CronWork> {
  const jobs = await readCronJobs(client);
  const gone = new Set(
    jobs.filter((job) => isOurs(job, [], source)).flatMap((job) => job.gone ?? []),
  );
  return { active: activeJobsOf(source, jobs), gone: [...gone].toSorted() };
}

async function orNothing(reading: Promise<CronWork | undefined>): Promise<CronWork> {
  try {
    return (await reading) ?? nothing;
  } catch {
    return nothing;
  }
}
