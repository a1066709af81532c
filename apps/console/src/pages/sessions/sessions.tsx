import type { SessionHead, SessionKey } from "@centralcloud/central";
import { readSessionHeads, readSessionsOfId } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Text } from "../../kit/figures.tsx";
import { FilterForm, TextField } from "../../kit/form.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Pagination, Table } from "../../kit/table.tsx";
import { GivenError, maybe, text, wholeOr } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";

interface SessionsModel {
  readonly rows: readonly SessionHead[];
  readonly next: string | null;
  readonly given: {
    readonly source?: string | undefined;
    readonly agent?: string | undefined;
    readonly session?: string | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  };
  readonly silent: readonly Silence[];
}

/** The sessions of the central store, without states and seals. */
export const sessions = page({
  path: "/sessions",
  right: "look",
  section: "knowledge",
  query: {
    source: maybe(text(300)),
    agent: maybe(text(600)),
    session: maybe(text(600)),
    limit: wholeOr(1, 200, 50),
    after: maybe(text(2_000)),
  },
  title: () => "Sessions",
  async read({ query, databases: { centralUrl, asking } }): Promise<SessionsModel> {
    const { source, agent, session, limit, after } = query;
    const asked =
      session === undefined
        ? await readSessionHeads(centralUrl, asking, {
            limit: limit + 1,
            ...(source === undefined ? {} : { source }),
            ...(agent === undefined ? {} : { agent }),
            ...(after === undefined ? {} : { after: decodeAfter(after) }),
          })
        : await readSessionsOfId(centralUrl, asking, session);
    const isMeant = (row: SessionHead) =>
      [undefined, row.source, row.sourceId].includes(source) &&
      [undefined, row.agentId].includes(agent);
    const found = asked.answers.flat().filter(isMeant);
    const rows = found.slice(0, limit);
    const last = found.length > limit ? rows.at(-1) : undefined;
    return {
      rows,
      next: last === undefined ? null : encodeAfter(last),
      given: query,
      silent: [...asked.unreachable, ...asked.failed],
    };
  },
  page: (model) => <SessionsPage {...model} />,
  command: ({ given, query: { session } }) =>
    session === undefined
      ? ["sessions", "list", ...optionsOf(given, ["source", "agent", "limit", "after"])]
      : ["trace", `--session=${session}`, ...optionsOf(given, ["source"])],
});

function SessionsPage({ rows, next, given, silent }: SessionsModel): VNode {
  const { after: _, ...filter } = given;
  return (
    <>
      <PartialSources unreachable={silent} />
      <FilterForm action="/sessions">
        <TextField name="session" label="Session" value={given.session} />
        <TextField name="agent" label="Agent" value={given.agent} />
        <TextField name="source" label="Source" value={given.source} />
      </FilterForm>
      <p>
        Only what stands beside a session's state: the states are sealed, and the console has no
        key.
      </p>
      <Table
        caption="Sessions of the central store, by source and id"
        rows={rows}
        keyOf={({ sourceId, sessionId }) => `${sourceId} ${sessionId}`}
        empty={
          silent.length > 0 ? (
            <p>The central store did not answer, so no session is known here.</p>
          ) : (
            <p>
              No session is in the central store
              {(given.session ?? given.agent ?? given.source) ? " that is asked for" : " yet"}. One
              comes here when a source has sent it and a consumer has merged it.
            </p>
          )
        }
        columns={[
          {
            head: "Session",
            cell: ({ source, sessionId }) => (
              <a href={hrefTo("/sessions/{source}/{id}", { source, id: sessionId })}>
                <Text>{shorten(sessionId, 80)}</Text>
              </a>
            ),
          },
          { head: "Source", cell: ({ source }) => <Text>{source}</Text> },
          {
            head: "Agent",
            cell: ({ agentId }) => (
              <a href={hrefTo("/agents/{agent}", { agent: agentId })}>
                <Text>{shorten(agentId, 60)}</Text>
              </a>
            ),
          },
          { head: "Confidence", isNumber: true, cell: ({ confidence }) => shorten(confidence, 12) },
          { head: "As of", isNumber: true, cell: ({ syncedAt }) => <Age at={syncedAt} /> },
        ]}
      />
      <Pagination
        first={given.after === undefined ? undefined : hrefTo("/sessions", {}, filter)}
        next={next === null ? undefined : hrefTo("/sessions", {}, { ...filter, after: next })}
      />
    </>
  );
}

function encodeAfter({ sourceId, sessionId }: SessionKey): string {
  return Buffer.from(JSON.stringify([sourceId, sessionId])).toString("base64url");
}

/** As `centralcloud sessions list` writes it. @throws {GivenError} */
function decodeAfter(given: string): SessionKey {
  const [sourceId, sessionId] = parsePair(given);
  return { sourceId, sessionId };
}

/** A source's id and another id, as lists by source end with them. @throws {GivenError} */
export function parsePair(given: string): readonly [sourceId: string, id: string] {
  try {
    const value: unknown = JSON.parse(Buffer.from(given, "base64url").toString("utf8"));
    const [sourceId, id] = Array.isArray(value) ? value : [];
    if (typeof sourceId === "string" && /^[0-9a-f-]{36}$/.test(sourceId) && typeof id === "string")
      return [sourceId, id];
  } catch {
    // The reason would speak of JSON, of which whoever passed the cursor knows nothing.
  }
  throw new GivenError(["after: the cursor is not one that a list ended with"]);
}
