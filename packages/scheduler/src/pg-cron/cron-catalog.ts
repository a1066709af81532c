import type { ClientBase } from "pg";
import type { CronJob, DeclaredJob, RegisteredCronJob } from "./cron-job.ts";

/** Installs pg_cron where it is only loaded; that takes a superuser. */
export async function ensurePgCron(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ installed: boolean }>(
    "select to_regclass('cron.job') is not null as installed",
  );
  if (!rows[0]?.installed) await client.query("create extension pg_cron");
}

/** Row-level security shows a role its own jobs only, and a superuser all. */
export async function readCronJobs(client: ClientBase): Promise<readonly RegisteredCronJob[]> {
  const { rows } = await client.query<RegisteredCronJob>(
    `select j.jobid::text as id, j.jobname::text as name, j.schedule, j.command, j.database,
            j.username as owner, j.active,
            case when not exists (select from pg_database d where d.datname = o.name) then o.name end as gone
       from cron.job j
      cross join lateral (
        -- Whose run log a job clears that runs in the database of pg_cron.
        select coalesce(replace((regexp_match(
                 j.command, '^delete from cron.job_run_details where database = ''((?:[^'']|'''')+)'''))[1], '''''', ''''),
               j.database) as name
      ) o
      order by j.jobid`,
  );
  return rows;
}

export async function readDeclaredJobs(source: ClientBase): Promise<readonly DeclaredJob[]> {
  const { rows } = await source.query<DeclaredJob>(
    `select j.job_name as job, j.schedule, j.function_name as "functionName",
            j.step_function_name is not null as "hasSteps"
       from public.scheduled_jobs j order by j.job_name`,
  );
  return rows;
}

/** Adds a job; one that its owner has under that name already is changed, and keeps its id. */
export async function scheduleCronJob(
  client: ClientBase,
  job: CronJob,
  { isHere, isOwn }: { readonly isHere: boolean; readonly isOwn: boolean },
): Promise<void> {
  const { name, schedule, command, database, owner } = job;
  // Everybody may call the first; the second takes a grant, and naming a role takes a superuser.
  if (isHere && isOwn) {
    await client.query("select cron.schedule($1, $2, $3)", [name, schedule, command]);
    return;
  }
  const values = [name, schedule, command, database];
  const username = isOwn ? "" : ", username => $5";
  await client.query(
    `select cron.schedule_in_database(
       job_name => $1, schedule => $2, command => $3, database => $4${username})`,
    isOwn ? values : [...values, owner],
  );
}

export async function unscheduleCronJob(client: ClientBase, id: string): Promise<void> {
  await client.query("select cron.unschedule($1::bigint)", [id]);
}
