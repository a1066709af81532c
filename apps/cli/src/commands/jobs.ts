import { maskErrorText } from "@centralcloud/contracts";
import { assertMayRecord, recordAction } from "@centralcloud/dead-letters";
import { type JobReport as JobOfSource, readJobRuns, readJobs } from "@centralcloud/inspect";
import { createPool, endPool } from "@centralcloud/postgres";
import {
  type JobRun,
  type JobRunReport,
  type JobStatus,
  runJob,
  UnknownJobError,
} from "@centralcloud/scheduler";
import type { Environment } from "@centralcloud/service";
import { Command, Option } from "commander";
import type { Pool } from "pg";
import { coloured } from "../format-table.ts";
import { print } from "../output.ts";
import { RawJson } from "../raw-json.ts";
import { showPage, showRows } from "../show-answers.ts";
import { addSourceOptions, chooseSource, readSourceUrls, type SourceOptions } from "../sources.ts";
import { readRequest } from "./dlq/action.ts";
import { readUsage, withCentralIfAny } from "./dlq/scope.ts";
import { wholeNumberUpTo } from "./dlq/selection.ts";
import { assertKnown, collect } from "./options.ts";

type JobReport = JobOfSource & {
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
      const asked = await readJobs(readSourceUrls(environment), options);
      const answers = asked.answers.map((jobs) =>
        jobs.map((status): JobReport => {
          const localSchedule = local.get(status.job);
          const extra = localSchedule === undefined ? {} : { localSchedule };
          return { ...masked(status), ...extra };
        }),
      );
      showRows({ ...asked, answers }, { json, name: "jobs", describe: shorten, meaningOf });
    })
    .addCommand(runCommand(environment))
    .addCommand(runsCommand(environment))
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

/** A job's error may quote a row; the whole of it is in `job_runs`. */
function masked<Status extends Pick<JobStatus, "lastError">>(status: Status): Status {
  const { lastError } = status;
  return { ...status, lastError: lastError === null ? null : maskErrorText(lastError) };
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
      const error = run.error === null ? null : maskErrorText(run.error);
      print(JSON.stringify({ source: name, job, ...run, error }));
      if (run.status === "skipped") throw new Error(`${job} is running already`);
      if (run.status === "failed") throw new Error(`${job} failed: ${error}`);
    });
}

const runStatuses = ["succeeded", "failed", "skipped"] as const;

interface RunsOptions extends SourceOptions {
  readonly job?: string;
  readonly status?: readonly JobRunReport["status"][];
  readonly limit: number;
  readonly after?: string;
  readonly json?: true;
}

function runsCommand(environment: Environment): Command {
  const command = new Command("runs").description(
    "the runs of jobs, newest first: when, by whom, how they ended",
  );
  return addSourceOptions(command)
    .option("--job <name>", "of this job only")
    .addOption(
      new Option("--status <status>", `may be repeated: ${runStatuses.join(", ")}`).argParser(
        collect,
      ),
    )
    .option("--limit <number>", "runs of a page", wholeNumberUpTo(1000), 50)
    .option("--after <cursor>", "the page after the one that ended with this cursor")
    .option("--json", "one JSON document on standard output")
    .action(async ({ job, status, limit, after, json, ...options }: RunsOptions) => {
      assertKnown("--status", status ?? [], runStatuses);
      const asked = await readUsage(command, () =>
        readJobRuns(readSourceUrls(environment), options, {
          limit,
          ...(job === undefined ? {} : { job }),
          ...(status === undefined ? {} : { statuses: status }),
          ...(after === undefined ? {} : { after }),
        }),
      );
      const { rows, next } = asked.answers[0] ?? { rows: [], next: null };
      const runs = rows.map(({ result, error, ...run }) => ({
        ...run,
        error: error === null ? null : maskErrorText(error),
        result: result === null ? null : new RawJson(result),
      }));
      showPage(asked, runs, {
        json: json === true,
        name: "runs",
        extra: { next },
        more: next === null ? null : `--after ${next}`,
        meaningOf,
        describe: (run) => ({
          source: run.source,
          job: run.job,
          started: `${run.startedAt.slice(0, 19)}Z`,
          status: run.status,
          ms: run.durationMs === null ? null : Math.round(run.durationMs),
          by: run.startedBy,
          error: run.error?.split("\n")[0] ?? null,
        }),
      });
    });
}
