import { type DeadLetterGroup, mergeGroups } from "@centralcloud/dead-letters";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { usePageInfo } from "../../kit/page-info.ts";
import { Table } from "../../kit/table.tsx";
import { lookAtCentral, lookAtSources } from "../../reading/overview.ts";
import { answered, oldestAt, silences } from "../../reading/snapshots.ts";
import { hrefTo } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { QueueTable, queueRows } from "../queues/queues.tsx";
import { Answer, type Facts } from "./answer.tsx";

interface NowModel {
  readonly facts: Facts;
  readonly silent: readonly Silence[];
  readonly asOf: Date | undefined;
}

/** Rows of each table of the first screen; the pages that they lead to have all. */
const shownGroups = 6;
const shownQueues = 12;

/** The first screen: how things are, in sentences, and what they rest on. */
export const now = page({
  path: "/",
  right: "look",
  section: "now",
  isLive: true,
  query: {},
  title: () => "Now",
  async read({ snapshots }): Promise<NowModel> {
    const [sources, central] = await Promise.all([
      lookAtSources(snapshots),
      lookAtCentral(snapshots),
    ]);
    const found = answered(sources);
    const { groups } = mergeGroups(
      found.map(({ value }) => value.groups),
      1_000,
    );
    const isAway = central.silence !== undefined;
    return {
      facts: {
        sourceCount: sources.length,
        waitingCount: sources.filter(({ isWaiting }) => isWaiting).length,
        silentCount: sources.filter(({ silence }) => silence !== undefined).length,
        queues: queueRows(sources),
        groups,
        jobs: found.flatMap(({ name, value }) =>
          value.jobs.map(({ job }) => ({ source: name, job })),
        ),
        central: isAway ? undefined : central.value,
        centralIsWaiting: central.isWaiting,
      },
      silent: silences([...sources.filter(({ isWaiting }) => !isWaiting), central]),
      asOf: oldestAt([...sources, central]),
    };
  },
  page: (model) => <NowPage {...model} />,
  asOf: ({ asOf }) => asOf,
  command: () => ["queues"],
});

function NowPage({ facts, silent }: NowModel): VNode {
  const { now: at } = usePageInfo();
  const { queues, groups } = facts;
  return (
    <div id="now" data-region>
      <Answer facts={facts} now={at} />
      <PartialSources unreachable={silent} />
      {groups.length > 0 && <Groups groups={groups} />}
      <h2>Queues</h2>
      <QueueTable rows={queues.slice(0, shownQueues)} />
      {queues.length > shownQueues && (
        <p>
          <a href="/queues">All {queues.length} queues</a>
        </p>
      )}
    </div>
  );
}

function Groups({ groups }: { readonly groups: readonly DeadLetterGroup[] }): VNode {
  return (
    <>
      <h2>Dead letters by what they failed with</h2>
      <Table
        caption="The largest groups of dead letters"
        rows={groups.slice(0, shownGroups)}
        keyOf={({ queue, fingerprint }) => `${queue} ${fingerprint}`}
        empty={<p>There is no dead letter.</p>}
        columns={[
          {
            head: "Failed with",
            cell: ({ fingerprint, error, code, reason }) => (
              <a href={hrefTo("/dead-letters/groups/{fingerprint}", { fingerprint })}>
                <Text>{shorten(error ?? code ?? reason ?? "no error is told", 120)}</Text>
              </a>
            ),
          },
          { head: "Queue", cell: ({ queue }) => queue },
          {
            head: "Sources",
            cell: ({ sources }) =>
              sources.length === 1 ? (
                <Text>{sources[0]?.source ?? ""}</Text>
              ) : (
                `${sources.length} sources`
              ),
          },
          { head: "First", isNumber: true, cell: ({ oldestAt: at }) => <Age at={at} /> },
          { head: "Last", isNumber: true, cell: ({ newestAt }) => <Age at={newestAt} /> },
          {
            head: "Dead letters",
            isNumber: true,
            cell: ({ count, isBound }) => <Count value={count} isBound={isBound} />,
          },
        ]}
      />
      {groups.length > shownGroups && (
        <p>
          <a href="/dead-letters/groups">All {groups.length} groups</a>
        </p>
      )}
    </>
  );
}
