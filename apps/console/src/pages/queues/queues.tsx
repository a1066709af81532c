import type { Silence } from "@centralcloud/inspect";
import { type QueueReport, reportQueues } from "@centralcloud/inspect";
import type { VNode } from "preact";
import { Age, Count, Duration, StatusBadge, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Table } from "../../kit/table.tsx";
import { answered, oldestAt, type Snapshots, silences } from "../../reading/snapshots.ts";
import { several, text } from "../../routing/fields.ts";
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

/** How old a look at the queues may be, in milliseconds. */
const everyMs = 3_000;

export async function readQueuesNow(snapshots: Snapshots): Promise<QueuesNow> {
  const looks = await snapshots.ofSources("queues", everyMs, reportQueues);
  return {
    rows: answered(looks).flatMap(({ value, at }) => value.map((row) => ({ ...row, at }))),
    silent: silences(looks),
    asOf: oldestAt(looks),
  };
}

/** What waits in each queue of each source. */
export const queues = page({
  path: "/queues",
  right: "look",
  section: "queues",
  isLive: true,
  query: { source: several(text(300)) },
  title: () => "Queues",
  async read({ snapshots, query }): Promise<QueuesNow> {
    const found = await readQueuesNow(snapshots);
    const { source: wanted } = query;
    if (wanted === undefined) return found;
    return { ...found, rows: found.rows.filter(({ source }) => wanted.includes(source)) };
  },
  page: (model) => <QueuesPage {...model} />,
  asOf: ({ asOf }) => asOf,
  command: ({ given }) => ["queues", ...optionsOf(given, ["source"])],
});

function QueuesPage({ rows, silent }: QueuesNow): VNode {
  return (
    <div id="queues" data-region>
      <PartialSources unreachable={silent} />
      <QueueTable rows={rows} />
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
