import { type CronWork, readCronWork, registerSchedules } from "@centralcloud/scheduler";
import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, type Fix, ok, warning } from "../finding.ts";
import { offeredExtensions } from "../offered-extensions.ts";

interface PgCron {
  /** Its settings are known only where it is loaded. */
  readonly database: string | null;
  readonly timeZone: string | null;
  readonly launches: string | null;
  readonly preloaded: string | null;
  readonly jobs: readonly string[];
}

const scheduler = "keep `centralcloud scheduler` running";

/** Who runs the jobs: pg_cron where the server has loaded it, else the scheduler process. */
export async function checkScheduleRunner(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, url } = database;
  const isOffered = (await offeredExtensions(database)).has("pg_cron");
  const found = await readRow<PgCron>(
    client,
    `select current_setting('cron.database_name', true) as database,
            current_setting('cron.timezone', true) as "timeZone",
            current_setting('cron.launch_active_jobs', true) as launches,
            case when current_setting('cron.database_name', true) is null and $1 then (
              select s.setting from pg_settings s where s.name = 'shared_preload_libraries') end as preloaded,
            array(select j.job_name from public.scheduled_jobs j order by j.job_name) as jobs`,
    [isOffered],
  );
  if (!found.database) return [describeAbsence(found, isOffered)];
  const work = await readCronWork({ url, source: client });
  return [
    ...checkPgCronSettings(found),
    judgeRegistration(found, found.database, work),
    ...work.gone.map(describeGone),
  ];
}

function describeGone(database: string): CheckResult {
  const message = `pg_cron still has jobs for the database ${database}, which is gone or has another name now: each fails`;
  return warning(
    message,
    "centralcloud migrate removes them, as the role that owns them",
    register,
  );
}

function describeAbsence({ preloaded }: PgCron, isOffered: boolean): CheckResult {
  if (!isOffered) return ok(`the scheduler process runs the jobs: ${scheduler}; no pg_cron here`);
  const libraries = [...(preloaded ? preloaded.split(",") : []), "pg_cron"];
  const list = libraries.map((name) => `'${name.trim()}'`).join(", ");
  return warning(
    `pg_cron is installed, but not loaded; until then, ${scheduler}`,
    `alter system set shared_preload_libraries = ${list}, restart the server, then: centralcloud migrate`,
  );
}

function checkPgCronSettings({ timeZone, launches }: PgCron): CheckResult[] {
  const checkResults: CheckResult[] = [];
  if (timeZone !== null && !/^(gmt|utc|etc\/(utc|gmt))$/i.test(timeZone)) {
    const message = `cron.timezone is ${timeZone}, but schedules are in UTC`;
    checkResults.push(
      warning(message, "alter system set cron.timezone = 'GMT', restart the server"),
    );
  }
  if (launches === "off") {
    const message = "cron.launch_active_jobs is off: pg_cron starts no job";
    const remedy = "alter system set cron.launch_active_jobs = on; select pg_reload_conf()";
    checkResults.push(warning(message, remedy));
  }
  return checkResults;
}

function judgeRegistration({ jobs }: PgCron, database: string, { active }: CronWork): CheckResult {
  const missing = jobs.filter((job) => !active.has(job));
  if (missing.length === 0) return ok(`pg_cron runs the ${jobs.length} jobs, from ${database}`);
  const which = missing.length === jobs.length ? "any job" : missing.join(", ");
  return warning(
    `pg_cron is loaded, but does not run ${which}, as far as this role sees`,
    `centralcloud migrate as a superuser; or ${scheduler}`,
    register,
  );
}

const register: Fix = {
  what: "registers the declared jobs with pg_cron, as migrate does",
  async run(_, url) {
    const registration = await registerSchedules(url);
    if (registration.runner === "pg_cron") return;
    throw new Error(registration.reason ?? "the server has no pg_cron");
  },
};
