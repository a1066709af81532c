import type { QueueReport } from "@centralcloud/inspect";
import type { Silence } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, Duration, StatusBadge, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Pagination, Table } from "../../kit/table.tsx";
import { lookAtSources, type SourceOverview } from "../../reading/overview.ts";
import {
  answered,
  oldestAt,
  type Snapshot,
  type Snapshots,
  silences,
} from "../../reading/snapshots.ts";
import { several, text, wholeOr } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";

/** A queue of a source, and when that was. */
export interface QueueRow extends QueueReport {
  readonly at: Date;
}

/** What waits everywhere, as the last look at each source saw it. */
export interface QueuesNow {
  readonly rows: readonly QueueRow[];
  readonly silent: readonly Silence[];
  readonly asOf: Date | undefined;
}

export async function readQueuesNow(snapshots: Snapshots): Promise<QueuesNow> {
  const looks = await lookAtSources(snapshots);
  return { rows: queueRows(looks), silent: silences(looks), asOf: oldestAt(looks) };
}

/** Those with dead letters first, then those in which messages wait longest. */
export function queueRows(looks: readonly Snapshot<SourceOverview>[]): readonly QueueRow[] {
  return answered(looks)
    .flatMap(({ value, at }) => value.queues.map((row) => ({ ...row, at })))
    .sort(
      (one, other) =>
        other.deadLetters - one.deadLetters ||
        (other.oldestAgeSeconds ?? -1) - (one.oldestAgeSeconds ?? -1) ||
        one.source.localeCompare(other.source),
    );
}

interface QueuesPageModel extends QueuesNow {
  readonly first: string | undefined;
  readonly next: string | undefined;
}

/** More would be a long page for a telephone. */
const pageRows = 45;

/** What waits in each queue of each source. */
export const queues = page({
  path: "/queues",
  right: "look",
  section: "queues",
  isLive: true,
  query: { source: several(text(300)), from: wholeOr(0, 100_000, 0) },
  title: () => "Queues",
  async read({ snapshots, query: { source: wanted, from } }): Promise<QueuesPageModel> {
    const found = await readQueuesNow(snapshots);
    const rows = found.rows.filter(({ source }) => wanted?.includes(source) ?? true);
    const to = (place: number) =>
      hrefTo("/queues", {}, { source: wanted, from: place || undefined });
    return {
      ...found,
      rows: rows.slice(from, from + pageRows),
      first: from > 0 ? to(0) : undefined,
      next: rows.length > from + pageRows ? to(from + pageRows) : undefined,
    };
  },
  page: (model) => <QueuesPage {...model} />,
  asOf: ({ asOf }) => asOf,
  command: ({ given }) => ["queues", ...optionsOf(given, ["source"])],
});

function QueuesPage({ rows, silent, first, next }: QueuesPageModel): VNode {
  return (
    <div id="queues" data-region>
      <PartialSources unreachable={silent} />
      <QueueTable rows={rows} />
      <Pagination first={first} next={next} />
    </div>
  );
}

/** Queues, those with dead letters and the longest waiting first. */
export function QueueTable({ rows }: { readonly rows: readonly QueueRow[] }): VNode {
  return (
    <Table
      caption="What waits in each queue of each source"
      rows={rows}
      keyOf={({ source, queue }) => `${source} ${queue}`}
      empty={
        <p>
          No source has answered yet. The page shows each as soon as it does;{" "}
          <a href="/sources">Sources</a> says what keeps it.
        </p>
      }
      columns={[
        {
          head: "Queue",
          cell: ({ queue, source }) => (
            <a href={hrefTo("/queues/{queue}/{source}", { queue, source })}>{queue}</a>
          ),
        },
        { head: "Source", cell: ({ source }) => <Text>{source}</Text> },
        { head: "Waiting", isNumber: true, cell: ({ available }) => <Count value={available} /> },
        { head: "In flight", isNumber: true, cell: ({ inFlight }) => <Count value={inFlight} /> },
        {
          head: "Oldest",
          isNumber: true,
          cell: ({ oldestAgeSeconds }) => <Duration seconds={oldestAgeSeconds} />,
        },
        {
          head: "Dead letters",
          isNumber: true,
          cell: ({ deadLetters, queue, source }) =>
            deadLetters === 0 ? (
              <Count value={0} />
            ) : (
              <a href={hrefTo("/dead-letters", {}, { queue, source })}>
                <StatusBadge tone="bad">
                  <Count value={deadLetters} />
                </StatusBadge>
              </a>
            ),
        },
        { head: "Seen", isNumber: true, isMinor: true, cell: ({ at }) => <Age at={at} /> },
      ]}
    />
  );
}
