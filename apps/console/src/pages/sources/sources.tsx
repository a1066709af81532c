import type { QueueReport } from "@centralcloud/inspect";
import { shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, StatusBadge, Text, Unknown } from "../../kit/figures.tsx";
import { Table } from "../../kit/table.tsx";
import { lookAtSources, type SourceOverview } from "../../reading/overview.ts";
import { oldestAt, type Snapshot } from "../../reading/snapshots.ts";
import { hrefTo } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";

type SourceRow = Snapshot<SourceOverview>;

/** Every configured source: whether it answers, and what waits there. */
export const sources = page({
  path: "/sources",
  right: "look",
  section: "sources",
  isLive: true,
  query: {},
  title: () => "Sources",
  read: ({ snapshots }): Promise<readonly SourceRow[]> => lookAtSources(snapshots),
  page: (rows) => <SourcesPage rows={rows} />,
  asOf: oldestAt,
  command: () => ["sources", "list"],
});

function sum(row: SourceRow, of: (report: QueueReport) => number): number | null {
  return row.value === undefined
    ? null
    : row.value.queues.reduce((all, report) => all + of(report), 0);
}

function SourcesPage({ rows }: { readonly rows: readonly SourceRow[] }): VNode {
  return (
    <div id="sources" data-region>
      <Table
        caption="Every configured source, whether it answers, and what waits there"
        rows={rows}
        keyOf={({ name, sourceId }) => sourceId ?? name}
        empty={<p>No source is configured.</p>}
        toneOf={({ silence }) => (silence === undefined ? undefined : "bad")}
        columns={[
          {
            head: "Source",
            cell: ({ name }) => (
              <a href={hrefTo("/queues", {}, { source: name })}>
                <Text>{name}</Text>
              </a>
            ),
          },
          { head: "State", cell: (row) => <State row={row} /> },
          { head: "Last answer", isNumber: true, cell: ({ at }) => <Age at={at ?? null} /> },
          {
            head: "Waiting",
            isNumber: true,
            cell: (row) => <Count value={sum(row, ({ available }) => available)} />,
          },
          {
            head: "Dead letters",
            isNumber: true,
            cell: (row) => <Count value={sum(row, ({ deadLetters }) => deadLetters)} />,
          },
          {
            head: "Id",
            isMinor: true,
            cell: ({ sourceId }) =>
              sourceId === undefined ? <Unknown /> : <code>{sourceId}</code>,
          },
        ]}
      />
    </div>
  );
}

function State({ row: { silence, isWaiting } }: { readonly row: SourceRow }): VNode {
  if (silence !== undefined) {
    return (
      <>
        <StatusBadge tone="bad">does not answer</StatusBadge>{" "}
        <span class="quiet">
          <Text>{shorten(silence, 300)}</Text>
        </span>
      </>
    );
  }
  if (isWaiting) return <StatusBadge tone="warning">no answer yet</StatusBadge>;
  return <StatusBadge tone="good">answers</StatusBadge>;
}
