import { contractFor, type JsonLine, maskJson, shownOfDeadLetter } from "@centralcloud/contracts";
import { type Judgement, type Letter, linesOfLetter, maskLetter } from "@centralcloud/dead-letters";
import { printable, shorten } from "@centralcloud/service";
import type { ComponentChildren, VNode } from "preact";
import { reason, recordReveal } from "../../acting/record.ts";
import { JsonLines } from "../../kit/document.tsx";
import { Age, Bytes, Count, Text, Time, type Tone } from "../../kit/figures.tsx";
import { ActionForm, Mistakes, ReasonField } from "../../kit/form.tsx";
import { Notice } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { Facts, Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { download, form, type Params, page } from "../../routing/route.ts";
import { findDeadLetter } from "./find.ts";
import { groupHref } from "./groups.tsx";
import { letterHref, wordsOf } from "./list.tsx";

interface DeadLetterModel {
  /** Masked unless it is revealed. */
  readonly letter: Letter;
  /** Its body, masked likewise, with what is wrong at its place. */
  readonly lines: readonly JsonLine[];
  /** Its body as PostgreSQL has it; only where it is revealed, and not very long. */
  readonly stored?: string | null;
  /** The record of who looked at it; undefined: contents are masked. */
  readonly revealedBy?: string;
}

const path = "/dead-letters/{source}/{queue}/{id}";

/** In characters; a longer body is loaded by `dlq body`. */
const longestStored = 262_144;

/** One dead letter: what is wrong with its message, what would become of it now, and what was done to it. */
export const deadLetter = page({
  path,
  right: "look",
  section: "dead-letters",
  query: {},
  title: ({ letter }: DeadLetterModel) => titleOf(letter),
  async read({ params, databases }): Promise<DeadLetterModel> {
    const { letter } = await findDeadLetter({ params, databases });
    return { letter: maskLetter(letter), lines: linesOfLetter(letter, false) };
  },
  page: (model) => <DeadLetterPage {...model} />,
  command: ({ params }) => showCommand(params),
});

/** Its body in one text as PostgreSQL has it, masked. */
export const raw = download({
  path: `${path}/raw`,
  right: "look",
  query: {},
  async read({ params, databases }) {
    const { letter } = await findDeadLetter({ params, databases });
    const shown = shownOfDeadLetter(contractFor(letter.queue).shown);
    return { type: "application/json", body: maskJson(letter.body ?? "null", shown) };
  },
});

/** Shows contents, once it is on record who looks and why. */
export const reveal = form({
  path: `${path}/reveal`,
  right: "reveal",
  section: "dead-letters",
  query: {},
  form: { reason },
  async act({ params, databases, viewer, operator, form: { reason: why } }) {
    const { letter } = await findDeadLetter({ params, databases });
    const { id, queue, source, sourceId } = letter;
    const selection = { ids: [id], queues: [queue], sources: [source], sourceId };
    const revealedBy = await recordReveal({ viewer, operator, reason: why, selection });
    const lines = linesOfLetter(letter, true);
    const model = { letter, lines, stored: letter.body, revealedBy };
    return { status: 200, title: titleOf(letter), body: <DeadLetterPage {...model} /> };
  },
  async refused(given, mistakes, { params, databases }) {
    const { letter } = await findDeadLetter({ params, databases });
    const model = { letter: maskLetter(letter), lines: linesOfLetter(letter, false) };
    const typed = given.get("reason")?.[0];
    const body = <DeadLetterPage {...model} mistakes={mistakes} typed={typed} />;
    return { title: titleOf(letter), body };
  },
});

export function titleOf({ id, queue }: Pick<Letter, "id" | "queue">): string {
  return `Dead letter ${id} of ${queue}`;
}

export function showCommand({ source = "", queue = "", id = "" }: Params): readonly string[] {
  const from = source.startsWith("-") ? [`--source=${source}`] : ["--source", source];
  return ["dlq", "show", id, "--queue", queue, ...from];
}

interface DeadLetterProps extends DeadLetterModel {
  readonly mistakes?: readonly string[];
  readonly typed?: string | undefined;
}

function DeadLetterPage(props: DeadLetterProps): VNode {
  const { letter, lines, stored, revealedBy, mistakes = [], typed } = props;
  const isArchived = letter.archived !== null;
  return (
    <>
      <Mistakes mistakes={mistakes} />
      {revealedBy !== undefined && (
        <Notice tone="info" title="Contents are shown">
          <p>
            That you look, and why, is on record as{" "}
            <a href={hrefTo("/actions/{id}", { id: revealedBy })}>action {revealedBy}</a>.{" "}
            <a href={letterHref(letter)}>Mask them again</a>
          </p>
        </Notice>
      )}
      <Archived letter={letter} />
      {!isArchived && <VerdictNotice now={letter.now} />}
      {!isArchived && <Doings letter={letter} />}
      <LetterFacts letter={letter} />
      <h2>The dead letter</h2>
      <JsonLines
        lines={lines}
        label="The dead letter, with what is wrong at its place"
        id="issue"
      />
      {revealedBy === undefined ? (
        <>
          <p>
            <a href={letterHref(letter, "/raw")}>As it is stored, masked</a>
          </p>
          <RevealForm letter={letter} typed={typed} />
        </>
      ) : (
        <Stored text={stored ?? null} />
      )}
      <History history={letter.history} />
      {letter.headers !== null && (
        <>
          <h2>Its headers</h2>
          <p>
            <code>{shorten(letter.headers, 2_000)}</code>
          </p>
        </>
      )}
    </>
  );
}

const verdicts: Readonly<Record<string, readonly [Tone, string]>> = {
  true: ["good", "Its message would be accepted now"],
  false: ["bad", "Its message would be refused again"],
  null: ["warning", "Whether its message would be accepted now is not known here"],
};

export function VerdictNotice({ now }: { readonly now: Judgement }): VNode {
  const { accepted, contract, issues, note } = now;
  const [tone, title] = verdicts[`${accepted}`] ?? ["quiet", "Not known"];
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

function Archived({ letter }: { readonly letter: Letter }) {
  const { archived, source, queue } = letter;
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
              { do: "restore", id: letter.id, queue, source: letter.source },
            )}
          >
            Put it back…
          </a>
        </p>
      )}
    </Notice>
  );
}

/** What can be done to it; what a right is missing for is said, not hidden. */
function Doings({ letter }: { readonly letter: Letter }) {
  const { id, queue, source } = letter;
  const mayOperate = useRight("operate");
  const mayReveal = useRight("reveal");
  const to = (verb: string) => hrefTo("/actions/new", {}, { do: verb, id, queue, source });
  if (!mayOperate) {
    return (
      <p class="quiet">
        To replay, edit or discard it takes the right to operate. <a href="/me">What you may do</a>
      </p>
    );
  }
  return (
    <div class="actions">
      <a class={letter.now.accepted === false ? "button" : "button primary"} href={to("replay")}>
        Replay it…
      </a>
      {mayReveal ? (
        <a
          class={letter.now.accepted === false ? "button primary" : "button"}
          href={letterHref(letter, "/edit")}
        >
          Edit and send it…
        </a>
      ) : (
        <span class="quiet">To edit it takes the right to reveal its contents.</span>
      )}
      <a class="button" href={to("discard")}>
        Discard it…
      </a>
    </div>
  );
}

function LetterFacts({ letter }: { readonly letter: Letter }) {
  const { source, queue, at, reason: why, code, error, fingerprint, messageId } = letter;
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
      letter.replayCount === 0 ? (
        "never"
      ) : (
        <>
          <Count value={letter.replayCount} /> times, first sent as{" "}
          <Text>{shorten(letter.firstSentAs ?? "unknown", 40)}</Text>
        </>
      ),
    ],
    ["Size of its message", <Bytes key="size" value={letter.originalBytes} />],
  ];
  return <Facts facts={facts} />;
}

function RevealForm({
  letter,
  typed,
}: {
  readonly letter: Letter;
  readonly typed: string | undefined;
}) {
  if (!useRight("reveal")) {
    return <p class="quiet">To see what is masked takes the right to reveal contents.</p>;
  }
  return (
    <details open={typed !== undefined}>
      <summary>Show its contents</summary>
      <ActionForm action={letterHref(letter, "/reveal")}>
        <ReasonField value={typed} />
        <div>
          <button class="plain" type="submit">
            Show contents
          </button>
        </div>
      </ActionForm>
    </details>
  );
}

function Stored({ text }: { readonly text: string | null }) {
  if (text === null) return null;
  return (
    <details>
      <summary>As it is stored</summary>
      {text.length > longestStored ? (
        <p>
          It has {text.length.toLocaleString("en-US")} characters:{" "}
          <code>centralcloud dlq body</code> writes it to a file.
        </p>
      ) : (
        <pre class="stored">{printable(text)}</pre>
      )}
    </details>
  );
}

interface Attempt {
  readonly key: string;
  readonly at: string | null;
  readonly consumer: string | null;
  readonly code: string | null;
  readonly error: string | null;
}

function History({ history }: { readonly history: string }) {
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
