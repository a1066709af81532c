import {
  type JobRun,
  type JobStatus,
  runJob,
  scheduledJobsStatus,
  UnknownJobError,
} from "@centralcloud/db";
import { assertMayRecord, recordAction } from "@centralcloud/dead-letters";
import { createPool, endPool } from "@centralcloud/postgres";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import type { Pool } from "pg";
import { coloured } from "../format-table.ts";
import { print } from "../output.ts";
import { showRows } from "../show-answers.ts";
import {
  addSourceOptions,
  askSources,
  chooseSource,
  readSourceUrls,
  type SourceOptions,
} from "../sources.ts";
import { readRequest } from "./dlq/action.ts";
import { withCentralIfAny } from "./dlq/scope.ts";

type JobReport = { readonly source: string } & JobStatus & {
    /** Where `npm start` runs it, by a schedule of its own: that. */
    readonly localSchedule?: string;
  };

export function jobsCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("jobs").description(
      "when each job of each source last ran, how long it took, and whether it failed",
    ),
  )
    .option("--json", "one JSON document on standard output")
    .action(async ({ json = false, ...options }: SourceOptions & { json?: boolean }) => {
      const local = readLocalSchedules(environment);
      const asked = await askSources(readSourceUrls(environment), options, async (source) =>
        (await scheduledJobsStatus(source.pool)).map((status): JobReport => {
          const localSchedule = local.get(status.job);
          const extra = localSchedule === undefined ? {} : { localSchedule };
          return { source: source.name, ...status, ...extra };
        }),
      );
      showRows(asked, { json, name: "jobs", describe: shorten, meaningOf });
    })
    .addCommand(runCommand(environment))
    .enablePositionalOptions();
}

/** By job, as `npm start` writes them beside the addresses of its databases. */
function readLocalSchedules({ NPM_START_SCHEDULES = "" }: Environment): Map<string, string> {
  return new Map(
    NPM_START_SCHEDULES.split("; ")
      .map((pair) => pair.split("="))
      .flatMap(([job, schedule]) => (job && schedule ? [[job, schedule] as const] : [])),
  );
}

const meaningOf = coloured({ status: { failed: "bad", skipped: "warning" } });

/** What fits on a line; `--json` has all. */
function shorten(report: JobReport) {
  return {
    source: report.source,
    job: report.job,
    schedule: report.localSchedule ? `${report.localSchedule} (npm start)` : report.schedule,
    lastRun: report.lastStartedAt?.toISOString().replace(/\.\d+Z$/, "Z") ?? null,
    status: report.lastStatus,
    ms: report.lastDurationMs === null ? null : Math.round(report.lastDurationMs),
    by: report.lastStartedBy,
    runs24h: report.runCount24h,
    failures24h: report.failureCount24h,
    error: report.lastError?.split("\n")[0] ?? null,
  };
}

interface RunOptions {
  readonly source?: string;
  readonly reason?: string;
  readonly actor?: string;
}

/** Without contents: what the job says is in `job_runs`. */
function failureOf({ status }: JobRun): string | undefined {
  return status === "succeeded" ? undefined : `the job ${status}`;
}

/** A job can be run without the central store, and by a login that has no right there: then it is not recorded. */
async function withRecord<Result>(
  environment: Environment,
  work: (central: Pool | undefined) => Promise<Result>,
): Promise<Result> {
  return await withCentralIfAny(environment, async (central) => {
    const mayRecord =
      central !== undefined &&
      (await assertMayRecord(central).then(
        () => true,
        () => false,
      ));
    return await work(mayRecord ? central : undefined);
  });
}

function runCommand(environment: Environment): Command {
  const command = new Command("run");
  return command
    .description("runs one job now and prints its result as JSON; exit code 1 unless it succeeded")
    .argument("<name>", "the job, as `jobs` shows it")
    .option("--source <name>", "the source, by name, id or address, where there are several")
    .option("--reason <why>", "why you do it; kept in central.operator_actions")
    .option("--actor <who>", "who does it; default: your user and host")
    .option("--json", "the result is JSON with or without this option")
    .action(async (job: string, options: RunOptions) => {
      const { source: wanted } = options;
      const { url, name, sourceId } = await chooseSource(readSourceUrls(environment), wanted);
      // A job may take its time.
      const pool = createPool(url, { applicationName: "centralcloud-cli", max: 1 });
      const request = readRequest({ ...options, reason: options.reason ?? "run by hand" });
      const selection = { job, source: name, sourceId };
      const work = () => runJob(pool, job, "operator");
      const recorded = { kind: "job-run", request, selection, work, failureOf } as const;
      const run = await withRecord(environment, (central) =>
        central === undefined ? work() : recordAction(central, recorded),
      )
        .catch((error: unknown) => {
          if (error instanceof UnknownJobError) return command.error(`error: ${error.message}`);
          throw error;
        })
        .finally(() => endPool(pool, 1_000));
      print(JSON.stringify({ source: name, job, ...run }));
      if (run.status === "skipped") throw new Error(`${job} is running already`);
      if (run.status === "failed") throw new Error(`${job} failed: ${run.error}`);
    });
}
