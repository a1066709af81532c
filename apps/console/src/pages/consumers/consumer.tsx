import type { ReplicaReport } from "@centralcloud/central";
import { readReplicas } from "@centralcloud/inspect";
import { type Silence, shorten, withoutContents } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, StatusBadge, Text, Time } from "../../kit/figures.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { Empty, Facts, Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { NotFoundError, page } from "../../routing/route.ts";
import { ConsumerState } from "./consumers.tsx";
import { faultsOf } from "./faults.ts";

interface ConsumerModel {
  readonly id: string;
  /** Undefined where the central store did not answer. */
  readonly row: ReplicaReport | undefined;
  readonly silent: readonly Silence[];
}

/** One consumer: its lanes, what keeps them from work, and the keys that it holds. */
export const consumer = page({
  path: "/consumers/{id}",
  right: "look",
  section: "system",
  isLive: true,
  query: {},
  title: ({ id, row }: ConsumerModel) => `Consumer ${row?.host ?? ""} ${id.slice(0, 8)}`,
  async read({ params: { id = "" }, databases: { centralUrl, asking } }): Promise<ConsumerModel> {
    const asked = await readReplicas(centralUrl, asking);
    const row = asked.answers.flat().find((one) => one.id === id);
    if (row === undefined && asked.answers.length > 0) {
      throw new NotFoundError(
        `There is no consumer ${id}: it stopped in order, or was lost more than a day ago.`,
      );
    }
    return { id, row, silent: [...asked.unreachable, ...asked.failed] };
  },
  page: (model) => <ConsumerPage {...model} />,
  command: () => ["consumers"],
});

interface LaneRow {
  readonly source: string;
  readonly queue: string;
  readonly fault: string | undefined;
  readonly crashes: number;
}

function ConsumerPage({ row, silent }: ConsumerModel): VNode {
  if (row === undefined) {
    return (
      <>
        <PartialSources unreachable={silent} />
        <Empty>
          <p>Consumers are known to the central store, which did not answer.</p>
        </Empty>
      </>
    );
  }
  const faults = faultsOf(row);
  const lanes: readonly LaneRow[] = (row.readiness?.sources ?? []).flatMap(({ name, lanes: own }) =>
    own.map(({ queue, fault, crashes = 0 }) => ({
      source: name,
      queue,
      fault: fault === undefined ? undefined : withoutContents(`${fault.side}: ${fault.error}`),
      crashes,
    })),
  );
  const heldKeys = Object.keys(row.heldKeys ?? {});
  return (
    <div id="consumer" data-region>
      {row.state === "lost" && (
        <Notice
          tone="bad"
          title="It has not been heard of for a minute, and did not say that it stops"
        >
          <p>
            It was killed, ran out of memory, or is cut off. The others do its work; see in what
            runs it why it was not started again.
          </p>
        </Notice>
      )}
      <Facts
        facts={[
          ["State", <ConsumerState row={row} key="state" />],
          ["Host", <Text key="host">{row.host}</Text>],
          ["Version", <Text key="version">{row.version}</Text>],
          ["Id", <code key="id">{row.id}</code>],
          ["Started", <Time at={row.startedAt} key="started" />],
          ["Heard of", <Age at={row.lastSeenAt} key="seen" />],
          ["Said how it is", <Age at={row.readinessAt} key="said" />],
          [
            "Session keys",
            row.heldKeys === null ? (
              "it does not say"
            ) : heldKeys.length === 0 ? (
              "none"
            ) : (
              <Text key="keys">{shorten(heldKeys.join(", "), 400)}</Text>
            ),
          ],
          ["Opens seals that name their session", row.opensBoundSeals ? "yes" : "no"],
        ]}
      />
      <h2>What keeps it from work</h2>
      {faults === null ? (
        <p>It does not say: it is of an older version, or has just begun.</p>
      ) : faults.length === 0 ? (
        <p>Nothing.</p>
      ) : (
        faults.map(({ what, isBad }) => (
          <section class={`finding ${isBad ? "bad" : "warning"}`} key={what}>
            <p>
              <Text>{shorten(what, 600)}</Text>
            </p>
          </section>
        ))
      )}
      <h2>Lanes</h2>
      <Table
        caption="The queues that it consumes"
        rows={lanes}
        keyOf={({ source, queue }) => `${source} ${queue}`}
        toneOf={({ fault }) => (fault === undefined ? undefined : "bad")}
        empty={<p>It has told of no lane.</p>}
        columns={[
          {
            head: "Queue",
            cell: ({ source, queue }) => (
              <a href={hrefTo("/queues/{queue}/{source}", { queue, source })}>
                <Text>{queue}</Text>
              </a>
            ),
          },
          { head: "Source", cell: ({ source }) => <Text>{shorten(source, 80)}</Text> },
          {
            head: "State",
            cell: ({ fault }) =>
              fault === undefined ? (
                <StatusBadge tone="good">works</StatusBadge>
              ) : (
                <>
                  <StatusBadge tone="bad">fault</StatusBadge> <Text>{shorten(fault, 300)}</Text>
                </>
              ),
          },
          { head: "Crashes", isNumber: true, cell: ({ crashes }) => <Count value={crashes} /> },
        ]}
      />
      {(row.readiness?.sourcesLeftOut ?? 0) > 0 && (
        <p class="hint">
          {row.readiness?.sourcesLeftOut} sources without a fault are left out of what it says.
        </p>
      )}
    </div>
  );
}
