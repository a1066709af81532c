import { canaryDefault } from "@centralcloud/dead-letters";
import { printable } from "@centralcloud/service";
import type { VNode } from "preact";
import { plural } from "../../kit/figures.tsx";
import { ActionForm, Mistakes, ReasonField, TextField } from "../../kit/form.tsx";
import { Command, Notice } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { hrefTo } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { filterWords, HiddenFields } from "../dead-letters/filter.tsx";
import { type Preview, readPreview } from "./preview.ts";
import { CountsView, PreviewView } from "./preview-view.tsx";
import {
  commandOf,
  onlyFilter,
  type Selection,
  type SelectionValues,
  selectionFields,
  selectionOf,
  type Verb,
} from "./selection.ts";

/** What is about to be done: its form, with what the preview has seen. */
export interface NewActionModel {
  readonly values: SelectionValues;
  readonly selection: Selection;
  readonly preview: Preview;
  /** What was typed before, and what was wrong with it. */
  readonly reason?: string | undefined;
  readonly mistakes?: readonly string[];
}

/** What an action would do: exact counts, bounds, what would be refused again, and the form that does just that. */
export const newAction = page({
  path: "/actions/new",
  right: "look",
  section: "actions",
  query: selectionFields,
  title: ({ selection }: NewActionModel) => titleOf(selection.verb),
  async read({ query, ...context }): Promise<NewActionModel> {
    const selection = selectionOf(query, context.viewer);
    return { values: query, selection, preview: await readPreview(query, selection, context) };
  },
  page: (model) => <NewAction {...model} />,
  command: ({ query }) => {
    const { query: asked, verb } = selectionOf(query, everything);
    return commandOf({ query: asked, verb }, true);
  },
});

/** The command of a page that was read already: who may read it is decided. */
const everything = { name: "", rights: new Set(["reveal"] as const) };

const titles: Readonly<Record<Verb, string>> = {
  replay: "Replay dead letters",
  discard: "Discard dead letters",
  restore: "Put discarded dead letters back",
  export: "Export dead letters",
};

export function titleOf(verb: Verb): string {
  return titles[verb];
}

const explanations: Readonly<Record<Verb, string>> = {
  replay:
    "Sends each message to its queue again, and moves the dead letter to the archive. Nothing is sent twice, and what the central store has merged is not sent at all.",
  discard:
    "Moves the dead letters to the archive, and sends nothing. For as long as the archive is kept it can be undone.",
  restore:
    "Moves discarded dead letters back to their dead-letter queue, as they were. Nothing is sent.",
  export:
    "Loads the dead letters whole, unmasked, as JSON lines that `centralcloud dlq import` takes. Nothing is changed.",
};

/** A preview and its form; also where the form is refused. */
export function NewAction(model: NewActionModel): VNode {
  const { values, selection, preview, mistakes = [] } = model;
  const { verb, action, filter } = selection;
  const words = [
    ...(action === undefined ? [] : [`discarded by action ${action}`]),
    ...(filter.ids ?? []).map((id) => `dead letter ${id}`),
    ...filterWords(onlyFilter(values)),
  ];
  return (
    <>
      <Mistakes mistakes={mistakes} />
      <p>{explanations[verb]}</p>
      <p>
        Chosen:{" "}
        <strong>{words.length === 0 ? "every dead letter" : printable(words.join(", "))}</strong>.
      </p>
      <Shown model={model} preview={preview} />
    </>
  );
}

function Shown({ model, preview }: { readonly model: NewActionModel; readonly preview: Preview }) {
  const { verb, query } = model.selection;
  if (preview.kind === "everything") {
    return (
      <Notice tone="warning" title="This chooses every dead letter of every source">
        <p>
          Narrow it from <a href="/dead-letters">the list</a> or{" "}
          <a href="/dead-letters/groups">a cause</a>, or say that it is meant:{" "}
          <a href={hrefTo("/actions/new", {}, { ...query, all: true })}>
            {verb} every dead letter…
          </a>
        </p>
      </Notice>
    );
  }
  if (preview.kind === "missing") {
    const { silent, answering } = preview;
    return (
      <Notice
        tone="warning"
        title="Not every source that is chosen answers, and an action is for all of them or none"
      >
        <ul>
          {silent.map(({ source, reason }) => (
            <li key={source}>
              {printable(source)}: {printable(reason).slice(0, 400)}
            </li>
          ))}
        </ul>
        {answering.length > 0 && (
          <p>
            <a href={hrefTo("/actions/new", {}, { ...query, source: answering })}>
              Choose the {plural(answering.length, "source")} that{" "}
              {answering.length === 1 ? "answers" : "answer"}
            </a>
          </p>
        )}
      </Notice>
    );
  }
  const deadLetters = preview.kind === "action" ? preview.preview.deadLetters : preview.deadLetters;
  return (
    <>
      {preview.kind === "action" ? (
        <PreviewView preview={preview.preview} verb={verb} />
      ) : (
        <CountsView counts={preview.counts} deadLetters={deadLetters} verb={verb} />
      )}
      {deadLetters > 0 && <ActForm model={model} preview={preview} deadLetters={deadLetters} />}
    </>
  );
}

const buttons: Readonly<Record<Verb, (deadLetters: string) => string>> = {
  replay: (deadLetters) => `Replay ${deadLetters}`,
  discard: (deadLetters) => `Discard ${deadLetters}`,
  restore: (deadLetters) => `Put ${deadLetters} back`,
  export: (deadLetters) => `Export ${deadLetters}`,
};

function ActForm({
  model,
  preview,
  deadLetters,
}: {
  readonly model: NewActionModel;
  readonly preview: Preview;
  readonly deadLetters: number;
}) {
  const { selection, values, reason } = model;
  const { verb } = selection;
  const right = verb === "export" ? "reveal" : "operate";
  const mayAct = useRight(right);
  const mayOperate = useRight("operate");
  const digest = preview.kind === "action" ? preview.preview.digest : undefined;
  const { rate: _rate, canary: _canary, ...hidden } = selection.query;
  const command = commandOf(selection, false);
  if (!mayAct || !mayOperate) {
    const words = verb === "export" ? "operate, and reveal contents" : "operate";
    return (
      <p class="quiet">
        You may look at what it would do. To do it takes the right to {words}.{" "}
        <a href="/me">What you may do</a>
      </p>
    );
  }
  return (
    <>
      <h2>Do it</h2>
      <ActionForm action="/actions">
        <HiddenFields query={{ ...hidden, digest, shown: deadLetters }} />
        {verb !== "export" && (
          <TextField
            name="rate"
            label="Messages a second at most"
            hint="Empty: as fast as it goes. It can be changed while it runs."
            value={values.rate === undefined ? undefined : String(values.rate)}
          />
        )}
        {verb === "replay" && (
          <TextField
            name="canary"
            label="Send so many first"
            hint={`Empty: all at once. With ${canaryDefault}, say, the rest follows only once each of the first ${canaryDefault} was merged; if one comes back, the action pauses.`}
            value={values.canary === undefined ? undefined : String(values.canary)}
          />
        )}
        <ReasonField value={reason} />
        <div class="actions">
          <button class={verb === "discard" ? "danger" : undefined} type="submit">
            {buttons[verb](plural(deadLetters, "dead letter"))}
          </button>
          <a href="/dead-letters">Leave it</a>
        </div>
      </ActionForm>
      <details>
        <summary>Exactly this in a terminal</summary>
        <Command
          words={[
            ...command,
            ...(digest === undefined ? [] : ["--digest", digest]),
            ...(verb === "export" ? [] : ["--reason", "…"]),
          ]}
        />
      </details>
    </>
  );
}
