import { type JobStatus, runJob, scheduledJobsStatus, UnknownJobError } from "@centralcloud/db";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../format-table.ts";
import { atEachSource, readSourceUrls } from "../sources.ts";

type JobReport = { readonly source: string } & JobStatus;

export function jobsCommand(environment: Environment): Command {
  return new Command("jobs")
    .description("how each job of each source fares")
    .option("--json", "one JSON document on standard output")
    .action(async ({ json }: { json?: true }) => {
      const reports = await atEachSource(readSourceUrls(environment), async (pool, source) =>
        (await scheduledJobsStatus(pool)).map((status) => ({ source, ...status })),
      );
      console.log(json ? JSON.stringify(reports.flat()) : formatTable(reports.flat().map(shorten)));
    })
    .addCommand(runCommand(environment));
}

/** What fits on a line; `--json` has all. */
function shorten(report: JobReport) {
  return {
    source: report.source,
    job: report.job,
    schedule: report.schedule,
    lastRun: report.lastStartedAt?.toISOString().replace(/\.\d+Z$/, "Z") ?? null,
    status: report.lastStatus,
    ms: report.lastDurationMs === null ? null : Math.round(report.lastDurationMs),
    by: report.lastStartedBy,
    runs24h: report.runCount24h,
    failures24h: report.failureCount24h,
    error: report.lastError?.split("\n")[0] ?? null,
  };
}

function runCommand(environment: Environment): Command {
  const command = new Command("run");
  return command
    .description("runs one job now and prints its result as JSON; exit code 1 unless it succeeded")
    .argument("<name>", "the job, as `jobs` shows it")
    .option("--source <name>", "the source, where there are several")
    .option("--json", "accepted for symmetry; the result is JSON in any case")
    .action(async (job: string, { source: wanted }: { source?: string }) => {
      const urls = readSourceUrls(environment);
      const names = await atEachSource(urls, async (_, name) => name);
      const chosen = wanted === undefined && names.length === 1 ? 0 : names.indexOf(wanted ?? "");
      const url = urls[chosen];
      if (url === undefined) {
        const problem = wanted === undefined ? "there are several sources" : "no such source";
        return command.error(`error: ${problem}; choose one with --source: ${names.join(", ")}`);
      }
      const [run] = await atEachSource([url], (pool) => runJob(pool, job, "operator")).catch(
        (error: unknown) => {
          if (error instanceof UnknownJobError) return command.error(`error: ${error.message}`);
          throw error;
        },
      );
      console.log(JSON.stringify({ source: names[chosen], job, ...run }));
      if (run?.status === "skipped") throw new Error(`${job} is running already`);
      if (run?.status === "failed") throw new Error(`${job} failed: ${run.error}`);
    });
}
