import { maskErrorText } from "@centralcloud/contracts";
import {
  askSources,
  assertComplete,
  identify,
  type JobReport,
  type JobRunRow,
  readJobRuns,
  readJobs,
} from "@centralcloud/inspect";
import { createPool, endPool } from "@centralcloud/postgres";
import { type JobRun, runJob, scheduledJobsStatus } from "@centralcloud/scheduler";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { reason, recorded } from "../../acting/record.ts";
import { Age, Duration, StatusBadge, Text, Time, type Tone } from "../../kit/figures.tsx";
import { ActionForm, Mistakes, ReasonField } from "../../kit/form.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { Facts, Pagination, Table } from "../../kit/table.tsx";
import { applicationName } from "../../reading/databases.ts";
import { maybe, text, wholeOr } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { form, NotFoundError, page } from "../../routing/route.ts";
import { JobState, masked } from "./jobs.tsx";

interface JobModel {
  readonly source: string;
  readonly job: string;
  /** Undefined where the source did not answer. */
  readonly status: JobReport | undefined;
  readonly runs: readonly JobRunRow[];
  readonly next: string | null;
  readonly after: string | undefined;
  readonly silent: readonly Silence[];
}

const path = "/jobs/{source}/{job}";

/** One job of one source: what it does, its runs, and a button that runs it now. */
export const job = page({
  path,
  right: "look",
  section: "system",
  query: { limit: wholeOr(1, 200, 20), after: maybe(text(1_000)) },
  title: ({ job: name, source }: JobModel) => `${name} of ${source}`,
  async read({ params, query: { limit, after }, databases }): Promise<JobModel> {
    const { source = "", job: name = "" } = params;
    const { sourceUrls, asking } = databases;
    const options = { ...asking, source: [source] };
    const [known, runs] = await Promise.all([
      readJobs(sourceUrls, options),
      readJobRuns(sourceUrls, options, {
        job: name,
        limit,
        ...(after === undefined ? {} : { after }),
      }),
    ]);
    const status = known.answers.flat().find((report) => report.job === name);
    const { rows, next } = runs.answers[0] ?? { rows: [], next: null };
    if (status === undefined && known.answers.length > 0 && rows.length === 0) {
      throw new NotFoundError(`${source} has no job ${name}.`);
    }
    return {
      source,
      job: name,
      status: status && masked(status),
      runs: rows.map((run) => ({
        ...run,
        error: run.error === null ? null : maskErrorText(run.error),
      })),
      next,
      after,
      silent: [...known.unreachable, ...known.failed],
    };
  },
  page: (model) => <JobPage {...model} />,
  command: ({ params: { source = "", job: name = "" }, given }) => [
    ...["jobs", "runs", `--job=${name}`, `--source=${source}`],
    ...optionsOf(given, ["limit", "after"]),
  ],
});

/** Runs a job now, and puts on record who did, and why. */
export const runJobNow = form({
  path: `${path}/run`,
  right: "operate",
  section: "system",
  query: {},
  form: { reason },
  async act({ params, form: { reason: why }, viewer, key, operator, databases: { asking } }) {
    const { source = "", job: name = "" } = params;
    const options = { ...asking, source: [source] };
    const found = await askSources(operator.sourceUrls, options, async (one) => {
      const known = await scheduledJobsStatus(one.pool);
      return { ...(await identify(one)), hasJob: known.some((status) => status.job === name) };
    });
    assertComplete(found);
    const [target] = found.answers;
    if (target === undefined) throw new NotFoundError(`There is no source ${source}.`);
    // Before anything is put on record.
    if (!target.hasJob) throw new NotFoundError(`${source} has no job ${name}.`);
    const pool = createPool(target.url, {
      applicationName,
      max: 1,
      queryTimeoutMs: mostRunS * 1_000,
    });
    try {
      await recorded<JobRun>(
        {
          ...{ kind: "job-run", viewer, reason: why, key, operator },
          selection: { job: name, source: target.name, sourceId: target.sourceId },
          failureOf: ({ status }) => (status === "succeeded" ? undefined : `the job ${status}`),
        },
        () => runJob(pool, name, "operator"),
      );
      // How it ended stands on top of its runs.
      return { seeOther: hrefTo(path, params) };
    } finally {
      await endPool(pool, 1_000);
    }
  },
  async refused(given, mistakes, { params: { source = "", job: name = "" } }) {
    const value = given.get("reason")?.[0];
    const body = (
      <>
        <Mistakes mistakes={mistakes} />
        <RunForm source={source} job={name} value={value} />
      </>
    );
    return { title: `Run ${name} of ${source}`, body };
  },
});

/** How long a job that is run here may take, in seconds. */
const mostRunS = 600;

const tones: Readonly<Record<JobRunRow["status"], Tone>> = {
  succeeded: "good",
  failed: "bad",
  skipped: "quiet",
};

/** Schedules come from the source, and so do descriptions. */
function JobPage({ source, job: name, status, runs, next, after, silent }: JobModel): VNode {
  return (
    <>
      <PartialSources unreachable={silent} />
      {status !== undefined && (
        <Facts
          facts={[
            ["What it does", <Text key="what">{shorten(status.description, 500)}</Text>],
            [
              "Schedule (UTC)",
              <code key="schedule">
                <Text>{shorten(status.schedule, 60)}</Text>
              </code>,
            ],
            ["Last run", <Age at={status.lastStartedAt} key="last" />],
            ["How it ended", <JobState row={status} key="state" />],
            ["Last success", <Age at={status.lastSuccessAt} key="success" />],
            [
              "In 24 h",
              `${status.runCount24h} runs, ${status.failureCount24h} failed, ${status.skippedCount24h} skipped because it was still running`,
            ],
            ["Run by", status.runner ?? "nobody yet: is pg_cron or the scheduler at work?"],
          ]}
        />
      )}
      <RunForm source={source} job={name} />
      <h2>Runs</h2>
      <Table
        caption="Runs of the job, newest first"
        rows={runs}
        keyOf={({ sourceId, id }) => `${sourceId} ${id}`}
        toneOf={(run) => (run.status === "failed" ? "bad" : undefined)}
        empty={
          silent.length > 0 ? (
            <p>The source did not answer, so its runs are not known here.</p>
          ) : (
            <p>It never ran, or its runs were forgotten: they are kept for some weeks.</p>
          )
        }
        columns={[
          { head: "Started", cell: ({ startedAt }) => <Time at={startedAt} /> },
          {
            head: "How it ended",
            cell: ({ status: ended, error }) => (
              <>
                <StatusBadge tone={tones[ended] ?? "quiet"}>{shorten(ended, 20)}</StatusBadge>{" "}
                {error !== null && <Text>{shorten(error.split("\n")[0] ?? "", 300)}</Text>}
              </>
            ),
          },
          {
            head: "Took",
            isNumber: true,
            cell: ({ durationMs }) =>
              durationMs !== null && durationMs < 1_000 ? (
                <span class="number">{Math.round(durationMs)} ms</span>
              ) : (
                <Duration seconds={durationMs === null ? null : durationMs / 1_000} />
              ),
          },
          { head: "By", cell: ({ startedBy }) => <Text>{shorten(startedBy, 60)}</Text> },
          {
            head: "Result",
            isMinor: true,
            cell: ({ result }) => (
              <code>
                <Text>{shorten(result ?? "–", 120)}</Text>
              </code>
            ),
          },
        ]}
      />
      <Pagination
        first={after === undefined ? undefined : hrefTo(path, { source, job: name })}
        next={next === null ? undefined : hrefTo(path, { source, job: name }, { after: next })}
      />
    </>
  );
}

function RunForm({
  source,
  job: name,
  value,
}: {
  readonly source: string;
  readonly job: string;
  readonly value?: string | undefined;
}): VNode {
  const mayOperate = useRight("operate");
  if (!mayOperate) {
    return (
      <p class="hint">
        To run it now takes the right <strong>operate</strong>, which{" "}
        <a href="/me">you do not have</a>.
      </p>
    );
  }
  return (
    <details open={value !== undefined}>
      <summary>Run it now</summary>
      <ActionForm action={hrefTo(`${path}/run`, { source, job: name })}>
        <ReasonField value={value} />
        <div class="actions">
          <button type="submit">Run {name}</button>
        </div>
      </ActionForm>
    </details>
  );
}
