import {
  type AgentHead,
  type AgentPerformance,
  readAgentPerformance,
  readAgents,
} from "@centralcloud/inspect";
import type { Silence } from "@centralcloud/service";
import type { Trace, TraceQuestion } from "@centralcloud/trace";
import type { VNode } from "preact";
import { requestOf } from "../../acting/record.ts";
import { Age, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { RevealForm, revealFields } from "../../kit/reveal.tsx";
import { Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { form, NotFoundError, page } from "../../routing/route.ts";
import { readTimeline } from "../messages/read-timeline.ts";
import { Timeline } from "../messages/timeline.tsx";
import { PerformanceCharts } from "../trends/performance-charts.tsx";

/** Events of an agent that its page shows; its command shows more. */
const newestEvents = 50;

interface AgentModel {
  readonly agent: string;
  readonly heads: readonly AgentHead[];
  readonly performance: readonly AgentPerformance[];
  readonly found: Trace;
  readonly silent: readonly Silence[];
  readonly from: Date;
  readonly to: Date;
}

const path = "/agents/{agent}";

/** How far back performance is shown, in seconds. */
const performanceForS = 86_400;
const performanceEveryS = 1_800;

/** One agent: what it knows, how fast it works, and one timeline of what happened to what it sent. */
export const agent = page({
  path,
  right: "look",
  section: "knowledge",
  query: {},
  title: ({ agent: id }: AgentModel) => `Agent ${id}`,
  async read({ params: { agent: id = "" }, viewer, databases, now }): Promise<AgentModel> {
    const { sourceUrls, centralUrl, asking } = databases;
    const [known, performance, found] = await Promise.all([
      readAgents(centralUrl, asking, { agent: id, limit: 100 }),
      readAgentPerformance(sourceUrls, asking, {
        agent: id,
        forS: performanceForS,
        everyS: performanceEveryS,
      }),
      readTimeline(databases, { viewer, question: questionOf(id), limit: newestEvents }),
    ]);
    const heads = known.answers.flat();
    const rows = performance.answers.flat();
    const isSilent = [...found.unreachable, ...found.failed, ...performance.failed].length > 0;
    if (heads.length + rows.length + found.events.length === 0 && !isSilent) {
      throw new NotFoundError(`Nothing is known of an agent ${id} at any source.`);
    }
    return {
      agent: id,
      heads,
      performance: rows,
      found,
      // Those that are away are named by the timeline.
      silent: performance.failed,
      from: new Date(now.getTime() - performanceForS * 1_000),
      to: now,
    };
  },
  page: (model) => <AgentPage {...model} />,
  command: ({ params: { agent: id = "" } }) => ["trace", `--agent=${id}`],
});

function questionOf(id: string): TraceQuestion {
  return { subject: { agent: id }, window: { from: null, to: null } };
}

/** The same timeline with contents, once. */
export const revealAgent = form({
  path: `${path}/reveal`,
  right: "reveal",
  section: "knowledge",
  query: {},
  form: revealFields,
  async act({ params: { agent: id = "" }, form: { reason }, viewer, key, operator, databases }) {
    const found = await readTimeline(
      { ...operator, asking: databases.asking },
      { viewer, question: questionOf(id), reveal: requestOf({ viewer, reason, key }) },
    );
    const body = <Timeline found={found} empty={`Nothing is known of agent ${id} any more.`} />;
    return { status: 200, title: `Agent ${id}`, body };
  },
});

function AgentPage({ agent: id, heads, performance, found, silent, from, to }: AgentModel): VNode {
  return (
    <>
      <h2>What it knows</h2>
      <Table
        caption="What the agent knows, by each source's latest summary"
        rows={heads}
        keyOf={({ sourceId }) => sourceId}
        empty={<p>No source has summed up what this agent knows.</p>}
        columns={[
          { head: "Source", cell: ({ source }) => <Text>{source}</Text> },
          { head: "Patterns", isNumber: true, cell: ({ patternCount }) => patternCount },
          { head: "Confidence", isNumber: true, cell: ({ confidence }) => confidence },
          { head: "Summed up", isNumber: true, cell: ({ updatedAt }) => <Age at={updatedAt} /> },
        ]}
      />
      <div class="actions">
        <a class="button" href={hrefTo("/sessions", {}, { agent: id })}>
          Its sessions
        </a>
        <a class="button" href={hrefTo("/changes", {}, { agent: id })}>
          Its changes
        </a>
      </div>
      <h2>How fast it works</h2>
      <PartialSources unreachable={[]} failed={silent} />
      <PerformanceCharts
        rows={performance}
        from={from}
        to={to}
        everyS={performanceEveryS}
        whose="the agent"
      />
      <h2>What happened</h2>
      <Timeline found={found} empty={`Nothing is known of agent ${id} any more.`} />
      <RevealForm
        action={hrefTo(`${path}/reveal`, { agent: id })}
        what="the contents of this timeline"
      />
    </>
  );
}
