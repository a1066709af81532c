import { type AgentHead, readAgents } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Pagination, Table } from "../../kit/table.tsx";
import { maybe, text, wholeOr } from "../../routing/fields.ts";
import { hrefTo } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { FindForm } from "../messages/find.tsx";
import { parsePair } from "../sessions/sessions.tsx";

interface AgentsModel {
  readonly rows: readonly AgentHead[];
  readonly next: string | null;
  readonly given: { readonly source?: string | undefined; readonly after?: string | undefined };
  readonly silent: readonly Silence[];
}

/** What each agent knows, as its source summed it up last. */
export const agents = page({
  path: "/agents",
  right: "look",
  section: "knowledge",
  query: { source: maybe(text(300)), limit: wholeOr(1, 200, 50), after: maybe(text(2_000)) },
  title: () => "Agents",
  async read({ query: { source, limit, after }, databases }): Promise<AgentsModel> {
    const pair = after === undefined ? undefined : parsePair(after);
    const asked = await readAgents(databases.centralUrl, databases.asking, {
      limit: limit + 1,
      ...(source === undefined ? {} : { source }),
      ...(pair === undefined ? {} : { after: { sourceId: pair[0], agentId: pair[1] } }),
    });
    const found = asked.answers.flat();
    const rows = found.slice(0, limit);
    const last = found.length > limit ? rows.at(-1) : undefined;
    const next =
      last === undefined
        ? null
        : Buffer.from(JSON.stringify([last.sourceId, last.agentId])).toString("base64url");
    return {
      rows,
      next,
      given: { source, after },
      silent: [...asked.unreachable, ...asked.failed],
    };
  },
  page: (model) => <AgentsPage {...model} />,
});

function AgentsPage({ rows, next, given: { source, after }, silent }: AgentsModel): VNode {
  return (
    <>
      <PartialSources unreachable={silent} />
      <FindForm source={source} />
      <Table
        caption="What each agent knows, by source and id"
        rows={rows}
        keyOf={({ sourceId, agentId }) => `${sourceId} ${agentId}`}
        empty={
          silent.length > 0 ? (
            <p>The central store did not answer, so no agent is known here.</p>
          ) : (
            <p>
              No source has summed up yet what its agents know. Each does so by a job, and sends it
              through the queue <a href={hrefTo("/queues")}>agent-knowledge-updates</a>.
            </p>
          )
        }
        columns={[
          {
            head: "Agent",
            cell: ({ agentId }) => (
              <a href={hrefTo("/agents/{agent}", { agent: agentId })}>
                <Text>{shorten(agentId, 80)}</Text>
              </a>
            ),
          },
          { head: "Source", cell: ({ source: name }) => <Text>{name}</Text> },
          { head: "Patterns", isNumber: true, cell: ({ patternCount }) => patternCount },
          { head: "Confidence", isNumber: true, cell: ({ confidence }) => shorten(confidence, 12) },
          { head: "Summed up", isNumber: true, cell: ({ updatedAt }) => <Age at={updatedAt} /> },
        ]}
      />
      <Pagination
        first={after === undefined ? undefined : hrefTo("/agents", {}, { source })}
        next={next === null ? undefined : hrefTo("/agents", {}, { source, after: next })}
      />
    </>
  );
}
