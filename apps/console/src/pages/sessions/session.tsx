import type { SessionHead } from "@centralcloud/central";
import { readSessionsOfId } from "@centralcloud/inspect";
import type { Silence } from "@centralcloud/service";
import type { Trace } from "@centralcloud/trace";
import type { VNode } from "preact";
import { Age, Text, Time } from "../../kit/figures.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { Facts } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { NotFoundError, page } from "../../routing/route.ts";
import { readTimeline } from "../messages/read-timeline.ts";
import { Timeline } from "../messages/timeline.tsx";

interface SessionModel {
  readonly id: string;
  readonly source: string;
  readonly head: SessionHead | undefined;
  readonly found: Trace;
  readonly silent: readonly Silence[];
}

/** One session: what stands beside its state, and its timeline. Its state is on no page. */
export const session = page({
  path: "/sessions/{source}/{id}",
  right: "look",
  section: "knowledge",
  query: {},
  title: ({ id }: SessionModel) => `Session ${id}`,
  async read({ params: { source = "", id = "" }, viewer, databases }): Promise<SessionModel> {
    const { centralUrl, asking } = databases;
    const question = { subject: { session: id }, window: { from: null, to: null } };
    const [heads, found] = await Promise.all([
      readSessionsOfId(centralUrl, asking, id),
      readTimeline(databases, { viewer, question, sources: [source] }),
    ]);
    const head = heads.answers
      .flat()
      .find((one) => one.source === source || one.sourceId === source);
    const silent = [...heads.unreachable, ...heads.failed];
    const isSilent = silent.length + found.unreachable.length + found.failed.length > 0;
    if (head === undefined && found.events.length === 0 && !isSilent) {
      throw new NotFoundError(`Nothing is known of a session ${id} of ${source}.`);
    }
    // The timeline names the central store, too.
    return { id, source, head, found, silent: found.unreachable.length > 0 ? [] : silent };
  },
  page: (model) => <SessionPage {...model} />,
  command: ({ params: { source = "", id = "" } }) => [
    "trace",
    `--session=${id}`,
    `--source=${source}`,
  ],
});

function SessionPage({ id, source, head, found, silent }: SessionModel): VNode {
  return (
    <>
      <PartialSources unreachable={silent} />
      {head === undefined ? (
        <Notice tone="warning" title="The central store does not have this session">
          <p>What its source tells of it stands beneath.</p>
        </Notice>
      ) : (
        <Facts
          facts={[
            ["Source", <Text key="source">{head.source}</Text>],
            [
              "Agent",
              <a href={hrefTo("/agents/{agent}", { agent: head.agentId })} key="agent">
                <Text>{head.agentId}</Text>
              </a>,
            ],
            ["Confidence", head.confidence],
            [
              "As of",
              <span key="at">
                <Time at={head.syncedAt} /> (<Age at={head.syncedAt} />)
              </span>,
            ],
            ["ULID", head.ulid === null ? "none" : <Text key="ulid">{head.ulid}</Text>],
            [
              "State",
              "sealed, or in plain from an old source; the console shows neither. `centralcloud sessions show` opens it with the key.",
            ],
          ]}
        />
      )}
      <h2>What happened to it</h2>
      <Timeline found={found} empty={`Nothing is known of session ${id} of ${source} any more.`} />
    </>
  );
}
