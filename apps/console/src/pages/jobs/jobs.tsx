import { maskErrorText } from "@centralcloud/contracts";
import type { JobReport } from "@centralcloud/inspect";
import { scheduledJobsStatus } from "@centralcloud/scheduler";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, StatusBadge, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Table } from "../../kit/table.tsx";
import { answered, oldestAt, silences } from "../../reading/snapshots.ts";
import { several, text } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";

interface JobsModel {
  /** Those that failed last come first. */
  readonly rows: readonly JobReport[];
  readonly silent: readonly Silence[];
  readonly asOf: Date | undefined;
}

/** Each job of each source: when it ran last, how that ended, who runs it. */
export const jobs = page({
  path: "/jobs",
  right: "look",
  section: "system",
  isLive: true,
  query: { source: several(text(300)) },
  title: () => "Jobs",
  async read({ query: { source: wanted }, snapshots }): Promise<JobsModel> {
    const looks = await snapshots.ofSources("jobs", 5_000, ({ pool }) => scheduledJobsStatus(pool));
    const isMeant = ({ name, sourceId }: { name: string; sourceId: string | undefined }) =>
      wanted === undefined || wanted.some((one) => one === name || one === sourceId);
    const rows = answered(looks)
      .filter(isMeant)
      .flatMap(({ name, value }) => value.map((job) => masked({ source: name, ...job })));
    return {
      rows: [...rows.filter(isFailing), ...rows.filter((row) => !isFailing(row))],
      silent: silences(looks),
      asOf: oldestAt(looks),
    };
  },
  page: (model) => <JobsPage {...model} />,
  asOf: ({ asOf }) => asOf,
  command: ({ given }) => ["jobs", ...optionsOf(given, ["source"])],
});

const isFailing = ({ lastStatus }: JobReport) => lastStatus === "failed";

/** A job's error may quote a row. */
export function masked(report: JobReport): JobReport {
  const { lastError } = report;
  return { ...report, lastError: lastError === null ? null : maskErrorText(lastError) };
}

function JobsPage({ rows, silent }: JobsModel): VNode {
  return (
    <div id="jobs" data-region>
      <PartialSources unreachable={silent} />
      <Table
        caption="The jobs of each source"
        rows={rows}
        keyOf={({ source, job }) => `${source} ${job}`}
        toneOf={(row) => (isFailing(row) ? "bad" : undefined)}
        empty={
          <p>
            No source has answered yet. The page shows its jobs as soon as one does;{" "}
            <a href="/sources">Sources</a> says what keeps them.
          </p>
        }
        columns={[
          {
            head: "Job",
            cell: ({ source, job }) => (
              <a href={hrefTo("/jobs/{source}/{job}", { source, job })}>
                <Text>{shorten(job, 80)}</Text>
              </a>
            ),
          },
          { head: "Source", cell: ({ source }) => <Text>{source}</Text> },
          {
            head: "Schedule (UTC)",
            isMinor: true,
            cell: ({ schedule }) => (
              <code>
                <Text>{shorten(schedule, 40)}</Text>
              </code>
            ),
          },
          { head: "Last run", isNumber: true, cell: (row) => <Age at={row.lastStartedAt} /> },
          { head: "How it ended", cell: (row) => <JobState row={row} /> },
          {
            head: "Runs in 24 h",
            isNumber: true,
            cell: (row) => <Count value={row.runCount24h} />,
          },
          { head: "Failed", isNumber: true, cell: (row) => <Count value={row.failureCount24h} /> },
          {
            head: "Run by",
            isMinor: true,
            cell: ({ runner }) => runner ?? "nobody yet",
          },
        ]}
      />
    </div>
  );
}

export function JobState({ row: { lastStatus, lastError } }: { readonly row: JobReport }): VNode {
  if (lastStatus === null) return <StatusBadge tone="quiet">never ran</StatusBadge>;
  if (lastStatus === "succeeded") return <StatusBadge tone="good">succeeded</StatusBadge>;
  return (
    <>
      <StatusBadge tone="bad">failed</StatusBadge>{" "}
      {lastError !== null && <Text>{shorten(lastError.split("\n")[0] ?? "", 200)}</Text>}
    </>
  );
}
