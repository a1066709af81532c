import type { CheckResult, DeadLetter } from "@centralcloud/dead-letters";
import { shorten } from "@centralcloud/service";
import type { ComponentChildren, VNode } from "preact";
import { Age, Bytes, Count, Text, Time, type Tone } from "../../kit/figures.tsx";
import { Notice } from "../../kit/notices.tsx";
import { Facts, Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { groupHref } from "./groups.tsx";
import { wordsOf } from "./list.tsx";

const checkResults: Readonly<Record<string, readonly [Tone, string]>> = {
  true: ["good", "Its message would be accepted now"],
  false: ["bad", "Its message would be refused again"],
  null: ["warning", "Whether its message would be accepted now is not known here"],
};

/** What would become of a message now, and what is wrong with it. */
export function CheckResultNotice({ now }: { readonly now: CheckResult }): VNode {
  const { accepted, contract, issues, note } = now;
  const [tone, title] = checkResults[`${accepted}`] ?? ["quiet", "Not known"];
  return (
    <Notice tone={tone} title={title}>
      {note !== null && (
        <p>
          <Text>{shorten(note, 400)}</Text>
        </p>
      )}
      {accepted === true && contract === true && (
        <p>What refused it was not the contract, or an older one. Replaying it sends it again.</p>
      )}
      {issues.length > 0 && (
        <ul>
          {issues.map(({ path: at, message, code }) => (
            <li key={`${at} ${code} ${message}`}>
              <Text>{shorten(message, 300)}</Text> <span class="quiet">({code})</span>
            </li>
          ))}
        </ul>
      )}
    </Notice>
  );
}

/** What became of a dead letter that waits no more. */
export function Archived({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { archived, source, queue } = deadLetter;
  if (archived === null) return null;
  const { action, actionId, newMessageId, at } = archived;
  const done = { replay: "replayed", discard: "discarded" }[action ?? ""] ?? "archived";
  return (
    <Notice tone="info" title={`It was ${done}, and waits no more`}>
      <p>
        <Age at={at} />
        {actionId !== null && (
          <>
            , by <a href={hrefTo("/actions/{id}", { id: actionId })}>action {actionId}</a>
          </>
        )}
        {newMessageId !== null && (
          <>
            , and sent as{" "}
            <a
              href={hrefTo("/messages/{source}/{queue}/{msgId}", {
                source,
                queue,
                msgId: newMessageId,
              })}
            >
              message {newMessageId}
            </a>
            , which shows what became of it
          </>
        )}
        .
      </p>
      {action === "discard" && (
        <p>
          <a
            href={hrefTo(
              "/actions/new",
              {},
              { do: "restore", id: deadLetter.id, queue, source: deadLetter.source },
            )}
          >
            Put it back…
          </a>
        </p>
      )}
    </Notice>
  );
}

/** What a dead letter is: why, where, of which message. */
export function DeadLetterFacts({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { source, queue, at, reason: why, code, error, fingerprint, messageId } = deadLetter;
  const isId = messageId !== null && /^\d{1,19}$/.test(messageId);
  const facts: (readonly [string, ComponentChildren])[] = [
    ["Reason", <Text key="reason">{wordsOf(why, code)}</Text>],
    ["Error", <Text key="error">{shorten(error ?? "none given", 1_000)}</Text>],
    [
      "Cause",
      <a key="cause" href={groupHref(fingerprint)}>
        all dead letters of group {fingerprint}
      </a>,
    ],
    ["Source", <Text key="source">{shorten(source, 100)}</Text>],
    ["Queue", queue],
    ["Dead-lettered", <Time key="at" at={at} />],
    [
      "Message",
      isId ? (
        <a
          key="message"
          href={hrefTo("/messages/{source}/{queue}/{msgId}", { source, queue, msgId: messageId })}
        >
          {messageId}: its timeline
        </a>
      ) : (
        <Text key="message">{shorten(messageId ?? "of an unknown id", 60)}</Text>
      ),
    ],
    [
      "Replayed",
      deadLetter.replayCount === 0 ? (
        "never"
      ) : (
        <>
          <Count value={deadLetter.replayCount} /> times, first sent as{" "}
          <Text>{shorten(deadLetter.firstSentAs ?? "unknown", 40)}</Text>
        </>
      ),
    ],
    ["Size of its message", <Bytes key="size" value={deadLetter.originalBytes} />],
  ];
  return <Facts facts={facts} />;
}

interface Attempt {
  readonly key: string;
  readonly at: string | null;
  readonly consumer: string | null;
  readonly code: string | null;
  readonly error: string | null;
}

/** The attempts to deliver its message. */
export function History({ history }: { readonly history: string }) {
  return (
    <>
      <h2>Its attempts</h2>
      <Table
        caption="Attempts to deliver its message, oldest first; the last one dead-lettered it"
        rows={attemptsOf(history)}
        keyOf={({ key }) => key}
        empty={<p>Nothing was written down of its attempts.</p>}
        columns={[
          { head: "At", isNumber: true, cell: ({ at }) => <Time at={at} /> },
          { head: "Consumer", cell: ({ consumer }) => <Text>{consumer ?? "–"}</Text> },
          { head: "Code", cell: ({ code }) => <Text>{code ?? "–"}</Text> },
          { head: "Error", cell: ({ error }) => <Text>{error ?? "–"}</Text> },
        ]}
      />
    </>
  );
}

/** So many attempts are shown, the latest ones. */
const maxAttempts = 100;

/** Dead letters of other clients may have anything in their history. */
function attemptsOf(history: string): readonly Attempt[] {
  const parsed: unknown = JSON.parse(history);
  const attempts = Array.isArray(parsed) ? parsed.slice(-maxAttempts) : [];
  return attempts.map((attempt, index) => {
    const error = fieldOf(attempt, "error");
    return {
      key: String(index),
      at: cellOf(fieldOf(attempt, "at"), 40),
      consumer: cellOf(fieldOf(attempt, "consumer"), 60),
      code: cellOf(fieldOf(error, "code"), 40),
      error: cellOf(fieldOf(error, "message"), 300),
    };
  });
}

/** Its own only: texts and lists have methods of such names. */
function fieldOf(value: unknown, name: string): unknown {
  const isHeld = typeof value === "object" && value !== null && Object.hasOwn(value, name);
  return isHeld ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function cellOf(value: unknown, length: number): string | null {
  if (value === undefined || value === null) return null;
  return shorten(typeof value === "string" ? value : JSON.stringify(value), length);
}
