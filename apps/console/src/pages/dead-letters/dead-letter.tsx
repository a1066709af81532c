import { contractFor, type JsonLine, maskJson, shownOfDeadLetter } from "@centralcloud/contracts";
import { type DeadLetter, linesOfDeadLetter, maskDeadLetter } from "@centralcloud/dead-letters";
import { printable, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { reason, recorded } from "../../acting/record.ts";
import { JsonLines } from "../../kit/document.tsx";
import { ActionForm, Mistakes, ReasonField } from "../../kit/form.tsx";
import { Notice } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { hrefTo } from "../../routing/links.ts";
import { download, form, type Params, page } from "../../routing/route.ts";
import { Archived, CheckResultNotice, DeadLetterFacts, History } from "./dead-letter-facts.tsx";
import { findDeadLetter } from "./find.ts";
import { deadLetterHref } from "./list.tsx";

interface DeadLetterModel {
  /** Masked unless it is revealed. */
  readonly deadLetter: DeadLetter;
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
  title: ({ deadLetter }: DeadLetterModel) => titleOf(deadLetter),
  async read({ params, databases }): Promise<DeadLetterModel> {
    const { deadLetter } = await findDeadLetter({ params, databases });
    return { deadLetter: maskDeadLetter(deadLetter), lines: linesOfDeadLetter(deadLetter, false) };
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
    const { deadLetter } = await findDeadLetter({ params, databases });
    const shown = shownOfDeadLetter(contractFor(deadLetter.queue).shown);
    return { type: "application/json", body: maskJson(deadLetter.body ?? "null", shown) };
  },
});

/** Shows contents, once it is on record who looks and why. */
export const reveal = form({
  path: `${path}/reveal`,
  right: "reveal",
  section: "dead-letters",
  query: {},
  form: { reason },
  async act({ params, databases, viewer, operator, key, form: { reason: why } }) {
    const { deadLetter } = await findDeadLetter({ params, databases });
    const asked = { viewer, operator, reason: why, key, selection: lookOf(deadLetter) };
    const revealedBy = await recorded(asked, async (id) => id);
    const lines = linesOfDeadLetter(deadLetter, true);
    const model = { deadLetter, lines, stored: deadLetter.body, revealedBy };
    return { status: 200, title: titleOf(deadLetter), body: <DeadLetterPage {...model} /> };
  },
  async refused(given, mistakes, { params, databases }) {
    const { deadLetter } = await findDeadLetter({ params, databases });
    const model = {
      deadLetter: maskDeadLetter(deadLetter),
      lines: linesOfDeadLetter(deadLetter, false),
    };
    const typed = given.get("reason")?.[0];
    const body = <DeadLetterPage {...model} mistakes={mistakes} typed={typed} />;
    return { title: titleOf(deadLetter), body };
  },
});

/** A dead letter as a look at it is put on record. */
export function lookOf({ id, queue, source, sourceId }: DeadLetter) {
  return { ids: [id], queues: [queue], sources: [source], sourceId };
}

export function titleOf({ id, queue }: Pick<DeadLetter, "id" | "queue">): string {
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
  const { deadLetter, lines, stored, revealedBy, mistakes = [], typed } = props;
  const isArchived = deadLetter.archived !== null;
  return (
    <>
      <Mistakes mistakes={mistakes} />
      {revealedBy !== undefined && (
        <Notice tone="info" title="Contents are shown">
          <p>
            That you look, and why, is on record as{" "}
            <a href={hrefTo("/actions/{id}", { id: revealedBy })}>action {revealedBy}</a>.{" "}
            <a href={deadLetterHref(deadLetter)}>Mask them again</a>
          </p>
        </Notice>
      )}
      <Archived deadLetter={deadLetter} />
      {!isArchived && <CheckResultNotice now={deadLetter.now} />}
      {!isArchived && <Doings deadLetter={deadLetter} />}
      <DeadLetterFacts deadLetter={deadLetter} />
      <h2>The dead letter</h2>
      <JsonLines
        lines={lines}
        label="The dead letter, with what is wrong at its place"
        id="issue"
      />
      {revealedBy === undefined ? (
        <>
          <p>
            <a href={deadLetterHref(deadLetter, "/raw")}>As it is stored, masked</a>
          </p>
          <RevealForm deadLetter={deadLetter} typed={typed} />
        </>
      ) : (
        <Stored text={stored ?? null} />
      )}
      <History history={deadLetter.history} />
      {deadLetter.headers !== null && (
        <>
          <h2>Its headers</h2>
          <p>
            <code>{shorten(deadLetter.headers, 2_000)}</code>
          </p>
        </>
      )}
    </>
  );
}

/** What can be done to it; what a right is missing for is said, not hidden. */
function Doings({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { id, queue, source } = deadLetter;
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
      <a
        class={deadLetter.now.accepted === false ? "button" : "button primary"}
        href={to("replay")}
      >
        Replay it…
      </a>
      {mayReveal ? (
        <a
          class={deadLetter.now.accepted === false ? "button primary" : "button"}
          href={deadLetterHref(deadLetter, "/edit")}
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

function RevealForm({
  deadLetter,
  typed,
}: {
  readonly deadLetter: DeadLetter;
  readonly typed: string | undefined;
}) {
  if (!useRight("reveal")) {
    return <p class="quiet">To see what is masked takes the right to reveal contents.</p>;
  }
  return (
    <details open={typed !== undefined}>
      <summary>Show its contents</summary>
      <ActionForm action={deadLetterHref(deadLetter, "/reveal")}>
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
