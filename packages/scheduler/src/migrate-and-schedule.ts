import { type MigrationObservation, type MigrationResult, migrate } from "@centralcloud/db";
import type { Side } from "@centralcloud/postgres";
import type { Observe } from "@centralcloud/service";
import type { RegistrationObservation } from "./observation.ts";
import { registerSchedules, type ScheduleRegistration } from "./pg-cron/register-schedules.ts";

/** What a migration changed, and who runs the jobs of a Singularity database from now on. */
export interface ScheduledMigration extends MigrationResult {
  /** Absent of a central store, and where the server has no pg_cron. */
  readonly schedules?: ScheduleRegistration;
}

/**
 * Brings one database up to date, as `migrate` does. Then, in transactions of their own, registers the jobs of a
 * Singularity database with pg_cron, where the server has it; where that is not permitted, the result says why, and
 * the scheduler process runs the jobs.
 *
 * @param url a role that may create schemas and extensions.
 * @throws {DatabaseNewerError} when the database is ahead of this build.
 * @throws {MigrationBlockedError} when somebody holds a lock that it needs; nothing was changed.
 */
export async function migrateAndSchedule(
  side: Side,
  url: string,
  observe: Observe<MigrationObservation | RegistrationObservation>,
): Promise<ScheduledMigration> {
  const result = await migrate(side, url, observe);
  if (side === "central") return result;
  const schedules = await registerSchedules(url);
  if (schedules.runner === "scheduler" && schedules.reason === undefined) return result;
  observeSchedules(schedules, observe);
  return { ...result, schedules };
}

function observeSchedules(
  schedules: ScheduleRegistration,
  observe: Observe<RegistrationObservation>,
): void {
  const side = "source";
  if (schedules.runner === "scheduler") {
    observe({ event: "pg-cron-unusable", side, reason: schedules.reason ?? "" });
    return;
  }
  const { owner, added, changed, removed } = schedules;
  if (added.length + changed.length + removed.length === 0) return;
  observe({ event: "schedules-registered", side, owner, added, changed, removed });
}
