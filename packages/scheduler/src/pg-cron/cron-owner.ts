import type { ClientBase } from "pg";
import type { CronDatabase } from "./cron-database.ts";

/** The role that owns the jobs, where it exists. */
const jobsRole = "centralcloud_jobs";

export interface CronOwner {
  readonly name: string;
  /** Whether it is the role that registers. */
  readonly isOwn: boolean;
}

/**
 * The dedicated role, where it can log in, has its grants, and we may register jobs for it, which takes
 * a superuser; else the role that registers.
 */
export async function chooseCronOwner(
  { client, name }: CronDatabase,
  source: ClientBase,
): Promise<CronOwner> {
  const { rows } = await source.query<{ self: string; isAble: boolean }>(
    `select current_user as self,
            exists (
              select from pg_roles r
               where r.rolname = $1 and r.rolcanlogin
                 and has_database_privilege(r.oid, current_database(), 'connect')
                 and has_database_privilege(r.oid, $2, 'connect')
                 and has_function_privilege(r.oid, 'public.run_job(text, text)', 'execute')
                 and has_function_privilege(r.oid, 'public.run_job_in_steps(text, text)', 'execute')
                 and has_schema_privilege(r.oid, 'public', 'usage')
                 and (select s.rolsuper from pg_roles s where s.rolname = current_user)
            ) as "isAble"`,
    [jobsRole, name],
  );
  const self = rows[0]?.self ?? "";
  if (!rows[0]?.isAble || self === jobsRole) return { name: self, isOwn: true };
  await letUseCron(client);
  return { name: jobsRole, isOwn: false };
}

/** For the job that clears its part of pg_cron's run log. */
async function letUseCron(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ granted: boolean }>(
    "select has_schema_privilege($1, 'cron', 'usage') as granted",
    [jobsRole],
  );
  if (!rows[0]?.granted) await client.query(`grant usage on schema cron to ${jobsRole}`);
}
