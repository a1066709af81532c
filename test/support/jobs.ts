import type { TestDatabase } from "./databases.ts";

export interface JobDeclaration {
  /** The body of its PL/pgSQL function, which returns a table (rows_done integer); undefined: no function. */
  readonly body: string | undefined;
  /** Never, unless it is given. */
  readonly schedule?: string;
}

/** Declares a job of a test's own, as sql/singularity/schedules declares ours. */
export async function declareJob(
  { pool }: TestDatabase,
  job: string,
  { body, schedule = "0 0 31 2 *" }: JobDeclaration,
): Promise<void> {
  const functionName = job.replaceAll("-", "_");
  if (body !== undefined) {
    await pool.query(
      `create or replace function public.${functionName}() returns table (rows_done integer)
       language plpgsql as $body$ ${body} $body$`,
    );
  }
  await pool.query(
    `insert into public.scheduled_jobs (job_name, schedule, function_name, description)
     values ($1, $2, $3, 'made by a test')
     on conflict (job_name) do update set schedule = excluded.schedule`,
    [job, schedule, functionName],
  );
}
