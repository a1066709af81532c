import { type CronJob, type DeclaredJob, isOurs, type RegisteredCronJob } from "./cron-job.ts";

/** What has to be done so that pg_cron has exactly our jobs, besides those of others. */
export interface RegistrationPlan {
  readonly added: readonly CronJob[];
  /** Registered under the same name and owner, but saying something else. */
  readonly changed: readonly CronJob[];
  readonly removed: readonly RegisteredCronJob[];
  /** Jobs of others that have a name and owner of ours. */
  readonly conflicts: readonly RegisteredCronJob[];
}

/** Compares what pg_cron has with what it should have; what is equal is in none of the lists. */
export function planRegistration(
  registered: readonly RegisteredCronJob[],
  wanted: readonly CronJob[],
  declared: readonly DeclaredJob[],
  source: string,
): RegistrationPlan {
  const ours = registered.filter((job) => isOurs(job, declared, source));
  const others = registered.filter((job) => !ours.includes(job));
  return {
    added: wanted.filter((job) => !ours.some((one) => haveSameKey(one, job))),
    changed: wanted.filter((job) =>
      ours.some((one) => haveSameKey(one, job) && !saySameThing(one, job)),
    ),
    removed: ours.filter((one) => !wanted.some((job) => haveSameKey(one, job))),
    conflicts: others.filter((one) => wanted.some((job) => haveSameKey(one, job))),
  };
}

/** pg_cron knows a job by its name and owner. */
function haveSameKey(one: CronJob, other: CronJob): boolean {
  return one.name === other.name && one.owner === other.owner;
}

function saySameThing(one: CronJob, other: CronJob): boolean {
  return (
    one.schedule === other.schedule &&
    one.command === other.command &&
    one.database === other.database
  );
}
