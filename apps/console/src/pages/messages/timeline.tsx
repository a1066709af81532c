import { shorten } from "@centralcloud/service";
import type { FieldChange, Trace, TraceEvent, Unknown } from "@centralcloud/trace";
import type { VNode } from "preact";
import { JsonView } from "../../kit/document.tsx";
import { StatusBadge, Text, type Tone } from "../../kit/figures.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { Empty } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { silencesOf } from "./read-timeline.ts";

type Entry = { readonly at: string | null } & (
  | { readonly event: TraceEvent }
  | { readonly unknown: Unknown }
);

/** What is not known stands before what happened then. */
function inOrder({ events, unknown }: Trace): readonly Entry[] {
  const entries: Entry[] = [
    ...unknown.map((one) => ({ at: one.from, unknown: one })),
    ...events.map((event) => ({ at: event.at, event })),
  ];
  return entries.toSorted((one, other) => {
    const [first, second] = [one.at ?? "", other.at ?? ""];
    return first < second ? -1 : first > second ? 1 : 0;
  });
}

/** All that is known, oldest first, and what is not; with a link to each thing that has a page of its own. */
export function Timeline({
  found,
  empty,
}: {
  readonly found: Trace;
  /** Said where nothing is known at all. */
  readonly empty: string;
}): VNode {
  const entries = inOrder(found);
  return (
    <>
      <PartialSources unreachable={silencesOf(found)} />
      {found.revealed && (
        <Notice tone="info" title="Contents are revealed, and that is on record">
          <p>They are shown once: who loads the page again sees them masked.</p>
        </Notice>
      )}
      {found.events.length === 0 && (
        <Empty>
          <p>{empty}</p>
          <p>
            Archives and the ledger keep what happened for some time only. What is known not to be
            known stands beneath.
          </p>
        </Empty>
      )}
      <ol class="timeline">
        {entries.map((entry, index) =>
          "event" in entry ? (
            <Event event={entry.event} key={index} />
          ) : (
            <NotKnown unknown={entry.unknown} key={index} />
          ),
        )}
      </ol>
    </>
  );
}

function NotKnown({ unknown: { from, to, why, source } }: { readonly unknown: Unknown }) {
  return (
    <li class="unknown">
      <StatusBadge tone="warning">not known</StatusBadge>{" "}
      <span class="number">
        {from === null ? "since ever" : moment(from)} until {to === null ? "now" : moment(to)}
      </span>
      {source !== null && (
        <>
          {" "}
          at <Text>{source}</Text>
        </>
      )}
      <p>
        <Text>{shorten(why, 600)}</Text>
      </p>
    </li>
  );
}

function toneOf({ where, error }: TraceEvent): Tone {
  if (where === "dead-letter" || error !== undefined) return "bad";
  return where === "ledger" || where === "archive" ? "good" : "quiet";
}

const places: Readonly<Record<TraceEvent["where"], string>> = {
  queue: "queue",
  attempt: "attempt",
  "dead-letter": "dead letter",
  archive: "archive",
  ledger: "ledger",
  store: "central store",
  "change-log": "change log",
  action: "action",
};

function Event({ event }: { readonly event: TraceEvent }) {
  const { at, where, what, source, error, key, content, changes = [] } = event;
  const tone = toneOf(event);
  const problem = [error?.code, error?.message].filter((one) => typeof one === "string").join(": ");
  return (
    <li class={tone}>
      <time dateTime={at} class="number">
        {moment(at)}
      </time>{" "}
      <StatusBadge tone={tone}>{places[where]}</StatusBadge>{" "}
      {source !== null && (
        <span class="quiet">
          <Text>{shorten(source, 60)}</Text>
        </span>
      )}
      <p>
        <Text>{shorten(what, 600)}</Text>
        {key !== undefined && (
          <>
            {" "}
            <code>
              <Text>{shorten(key, 200)}</Text>
            </code>
          </>
        )}
      </p>
      {problem !== "" && (
        <p>
          <Text>{shorten(problem, 600)}</Text>
        </p>
      )}
      <Links event={event} />
      {changes.length > 0 && <Changes changes={changes} />}
      {content !== undefined && (
        <details>
          <summary>What it said</summary>
          <JsonView text={content} label={`What was known at ${at}`} />
        </details>
      )}
    </li>
  );
}

function Links({ event }: { readonly event: TraceEvent }) {
  const { source, queue, msgId, deadLetterId, agentId, sessionId, fingerprint, actionId } = event;
  const links: (readonly [string, string])[] = [];
  if (source !== null && queue !== undefined && msgId !== undefined) {
    links.push([
      `message ${msgId}`,
      hrefTo("/messages/{source}/{queue}/{msgId}", { source, queue, msgId }),
    ]);
  }
  if (source !== null && queue !== undefined && deadLetterId !== undefined) {
    const params = { source, queue, id: deadLetterId };
    links.push([
      `dead letter ${deadLetterId}`,
      hrefTo("/dead-letters/{source}/{queue}/{id}", params),
    ]);
  }
  if (agentId !== undefined)
    links.push([`agent ${shorten(agentId, 60)}`, hrefTo("/agents/{agent}", { agent: agentId })]);
  if (source !== null && sessionId !== undefined) {
    const params = { source, id: sessionId };
    links.push([`session ${shorten(sessionId, 60)}`, hrefTo("/sessions/{source}/{id}", params)]);
  }
  if (fingerprint !== undefined)
    links.push(["pattern", hrefTo("/patterns/{fingerprint}", { fingerprint })]);
  if (actionId !== undefined)
    links.push([`action ${actionId}`, hrefTo("/actions/{id}", { id: actionId })]);
  if (links.length === 0) return null;
  return (
    <p>
      {links.map(([label, href], index) => (
        <span key={href}>
          {index > 0 ? " · " : ""}
          <a href={href}>
            <Text>{label}</Text>
          </a>
        </span>
      ))}
    </p>
  );
}

function Changes({ changes }: { readonly changes: readonly FieldChange[] }) {
  return (
    <details>
      <summary>What changed</summary>
      <ul>
        {changes.map(({ field, old, new: now }) => (
          <li key={field}>
            <code>
              <Text>{shorten(field, 60)}</Text>
            </code>
            {": "}
            <Text>{shorten(old ?? "?", 200)}</Text> → <Text>{shorten(now ?? "–", 200)}</Text>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** To the millisecond: what happens to one message happens within seconds. */
function moment(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 23)}Z`;
}
