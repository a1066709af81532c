import { readCronJobs } from "./cron-catalog.ts";
import { withCronDatabase } from "./cron-database.ts";
import { activeJobsOf } from "./cron-job.ts";

/**
 * The declared jobs of a Singularity database that the server's pg_cron runs, as far as this role can
 * see: registered and active. Empty where pg_cron is absent, or hidden from this role.
 */
export async function jobsOfPgCron(url: string): Promise<ReadonlySet<string>> {
  try {
    const jobs = await withCronDatabase(url, async ({ client, source }) => {
      return activeJobsOf(source, await readCronJobs(client));
    });
    return jobs ?? new Set();
  } catch {
    return new Set();
  }
}
