import { takeLock } from "@centralcloud/db";
import { codeOf } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import {
  ensurePgCron,
  readCronJobs,
  readDeclaredJobs,
  scheduleCronJob,
  unscheduleCronJob,
} from "./cron-catalog.ts";
import { type CronDatabase, PgCronUnusableError, withCronDatabase } from "./cron-database.ts";
import { type CronJob, wantedCronJobs } from "./cron-job.ts";
import { chooseCronOwner } from "./cron-owner.ts";
import { planRegistration, type RegistrationPlan } from "./registration-plan.ts";

/** Who runs the jobs of a Singularity database from now on. */
export type ScheduleRegistration =
  | {
      readonly runner: "pg_cron";
      /** Where pg_cron keeps them. */
      readonly database: string;
      /** The role they run as. */
      readonly owner: string;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
    }
  | {
      readonly runner: "scheduler";
      /** Why not pg_cron, where it is there; undefined where it is not. */
      readonly reason: string | undefined;
    };

/**
 * Registers the declared jobs of a Singularity database with the server's pg_cron, wherever it keeps
 * its jobs: missing ones are added, changed ones updated, vanished ones removed, those of others left
 * alone. One transaction; the second time nothing changes. A job that somebody has paused stays so.
 *
 * Where pg_cron is absent, or this role may not use it, that is the result, not an error: the
 * scheduler process runs the jobs then.
 *
 * @param url a role that has migrated the database.
 */
export async function registerSchedules(url: string): Promise<ScheduleRegistration> {
  for (let tries = 1; ; tries++) {
    try {
      const registration = await withCronDatabase(url, register);
      return registration ?? { runner: "scheduler", reason: undefined };
    } catch (error) {
      if (tries < maxTries && collisions.has(codeOf(error) ?? "")) continue;
      return { runner: "scheduler", reason: (error as Error).message };
    }
  }
}

/**
 * Another source of the server has just installed the extension, granted its schema, or removed a job of a database
 * that is gone: unique_violation, duplicate_object, and internal_error, by which PostgreSQL and pg_cron tell of the rest.
 */
const collisions: ReadonlySet<string> = new Set(["23505", "42710", "XX000"]);
const maxTries = 3;

async function register(cron: CronDatabase, source: ClientBase): Promise<ScheduleRegistration> {
  const { client } = cron;
  const isHere = cron.name === cron.source;
  const declared = await readDeclaredJobs(source);
  await ensurePgCron(client);
  // Two registrations of one source take their turns; those of others name other jobs.
  await source.query("begin");
  await takeLock(source, "register schedules", "a registration of the schedules");
  await client.query("begin");
  const owner = await chooseCronOwner(cron, source);
  const wanted = wantedCronJobs(declared, { ...cron, owner: owner.name });
  const plan = planRegistration(await readCronJobs(client), wanted, declared, cron.source);
  refuseConflicts(plan);
  for (const { id } of plan.removed) await unscheduleCronJob(client, id);
  for (const job of [...plan.added, ...plan.changed]) {
    await scheduleCronJob(client, job, { isHere, isOwn: owner.isOwn });
  }
  await client.query("commit");
  await source.query("commit");
  return {
    runner: "pg_cron",
    database: cron.name,
    owner: owner.name,
    added: namesOf(plan.added),
    changed: namesOf(plan.changed),
    removed: namesOf(plan.removed),
  };
}

/** A job of ours would overwrite one of others: pg_cron knows a job by its name and owner. */
function refuseConflicts({ conflicts: [conflict] }: RegistrationPlan): void {
  if (conflict === undefined) return;
  throw new PgCronUnusableError(
    `it has another job ${conflict.name} of role ${conflict.owner}, which runs ` +
      `${JSON.stringify(conflict.command)}; remove it or give it another name`,
  );
}

function namesOf(jobs: readonly CronJob[]): readonly string[] {
  return jobs.map(({ name }) => name ?? "");
}
