import { SelectionError } from "@centralcloud/dead-letters";
import { parseMessage, type Trace } from "@centralcloud/trace";
import type { VNode } from "preact";
import { StatusBadge, Text } from "../../kit/figures.tsx";
import { TextField } from "../../kit/form.tsx";
import { maybe, text } from "../../routing/fields.ts";
import { hrefTo } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { readTimeline } from "./read-timeline.ts";
import { Timeline } from "./timeline.tsx";

/** What somebody may have meant by an id. */
interface FindModel {
  readonly id: string | undefined;
  readonly source: string | undefined;
  /** The timeline, where the id can be that of a message. */
  readonly found: Trace | undefined;
}

/** Finds a message by its id of a queue or the ULID of its header; and leads to agents and sessions. */
export const messages = page({
  path: "/messages",
  right: "look",
  section: "knowledge",
  query: { message: maybe(text(600)), source: maybe(text(300)) },
  title: () => "Find a message, an agent or a session",
  async read({ query: { message: id, source }, viewer, databases }): Promise<FindModel> {
    const subject = id === undefined ? undefined : messageOf(id);
    if (subject === undefined) return { id, source, found: undefined };
    const question = { subject, window: { from: null, to: null } };
    const sources = source === undefined ? undefined : [source];
    return { id, source, found: await readTimeline(databases, { viewer, question, sources }) };
  },
  page: (model) => <FindPage {...model} />,
  command: ({ query: { message: id, source } }) => {
    if (id === undefined) return ["trace", "--agent", "AGENT"];
    const of = source === undefined ? [] : [`--source=${source}`];
    return ["trace", `${messageOf(id) === undefined ? "--agent" : "--message"}=${id}`, ...of];
  },
});

/** Undefined where it can't be the id of a message: then it is that of an agent or a session. */
function messageOf(id: string) {
  try {
    return parseMessage(id);
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    return undefined;
  }
}

/** The one box that everything is found by; stands on the pages that list what it finds. */
export function FindForm({ id, source }: { id?: string | undefined; source?: string | undefined }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not known to all browsers that are in use.
    <form method="get" action="/messages" class="filters" role="search">
      <TextField
        name="message"
        label="An id"
        hint="of a message, an agent or a session; or the ULID of a message's header"
        value={id}
      />
      <TextField name="source" label="At the source" hint="where ids repeat" value={source} />
      <div class="field-actions">
        <button type="submit">Find</button>
      </div>
    </form>
  );
}

function FindPage({ id, source, found }: FindModel): VNode {
  return (
    <>
      <FindForm id={id} source={source} />
      {id === undefined ? (
        <p>
          A message is found by <code>msgId</code>, as the log and dead letters have it, or by its
          ULID, which its replays have, too. Agents and sessions are found by their ids.
        </p>
      ) : (
        <>
          <div class="actions">
            <a class="button" href={hrefTo("/agents/{agent}", { agent: id })}>
              As an agent
            </a>
            <a class="button" href={hrefTo("/sessions", {}, { session: id, source })}>
              As a session
            </a>
          </div>
          {found === undefined ? (
            <p>
              <Text>{id}</Text> can't be the id of a message:{" "}
              <StatusBadge tone="info">open it</StatusBadge> as an agent or a session.
            </p>
          ) : (
            <Timeline found={found} empty="No message of this id is known at any source." />
          )}
        </>
      )}
    </>
  );
}
