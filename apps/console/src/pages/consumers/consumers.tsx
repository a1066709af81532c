import type { ReplicaReport } from "@centralcloud/central";
import { readReplicas } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, StatusBadge, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { faultsOf } from "./faults.ts";

interface ConsumersModel {
  readonly rows: readonly ReplicaReport[];
  readonly silent: readonly Silence[];
}

/** Every consumer that is known: those at work, and those that were lost within a day. */
export const consumers = page({
  path: "/consumers",
  right: "look",
  section: "system",
  isLive: true,
  query: {},
  title: () => "Consumers",
  async read({ databases: { centralUrl, asking } }): Promise<ConsumersModel> {
    const asked = await readReplicas(centralUrl, asking);
    return {
      rows: asked.answers.flat(),
      silent: [...asked.unreachable, ...asked.failed],
    };
  },
  page: (model) => <ConsumersPage {...model} />,
  command: () => ["consumers"],
});

function ConsumersPage({ rows, silent }: ConsumersModel): VNode {
  return (
    <div id="consumers" data-region>
      <PartialSources unreachable={silent} />
      <Table
        caption="The consumers: whether they work, and what keeps them from it"
        rows={rows}
        keyOf={({ id }) => id}
        toneOf={(row) =>
          row.state === "lost" ? "bad" : (faultsOf(row)?.length ?? 0) > 0 ? "warning" : undefined
        }
        empty={
          silent.length > 0 ? (
            <p>Consumers are known to the central store, which did not answer.</p>
          ) : (
            <p>
              No consumer is at work, and none was lost within a day. Messages wait in their queues
              until one is started: <code>centralcloud consume</code>.
            </p>
          )
        }
        columns={[
          {
            head: "Consumer",
            cell: ({ id, host }) => (
              <a href={hrefTo("/consumers/{id}", { id })}>
                <Text>{shorten(host, 60)}</Text> <code>{id.slice(0, 8)}</code>
              </a>
            ),
          },
          { head: "State", cell: (row) => <ConsumerState row={row} /> },
          {
            head: "Lanes",
            isNumber: true,
            cell: ({ readiness }) => (
              <Count
                value={readiness?.sources.reduce((sum, { lanes }) => sum + lanes.length, 0) ?? null}
              />
            ),
          },
          {
            head: "Faults",
            isNumber: true,
            cell: (row) => <Count value={faultsOf(row)?.length ?? null} />,
          },
          { head: "Version", isMinor: true, cell: ({ version }) => <Text>{version}</Text> },
          { head: "Started", isNumber: true, cell: ({ startedAt }) => <Age at={startedAt} /> },
          { head: "Heard of", isNumber: true, cell: ({ lastSeenAt }) => <Age at={lastSeenAt} /> },
        ]}
      />
    </div>
  );
}

export function ConsumerState({
  row: { state, readiness },
}: {
  readonly row: ReplicaReport;
}): VNode {
  if (state === "lost") return <StatusBadge tone="bad">lost</StatusBadge>;
  if (readiness === null) return <StatusBadge tone="warning">does not say</StatusBadge>;
  if (!readiness.ready) return <StatusBadge tone="bad">not ready</StatusBadge>;
  if (!readiness.working) return <StatusBadge tone="warning">ready, with faults</StatusBadge>;
  return <StatusBadge tone="good">works</StatusBadge>;
}
