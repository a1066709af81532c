import type { JsonLine } from "@centralcloud/contracts";
import type { CheckResult, DeadLetter } from "@centralcloud/dead-letters";
import { printable } from "@centralcloud/service";
import type { VNode } from "preact";
import { Diff, JsonLines, JsonView } from "../../kit/document.tsx";
import { ActionForm, Mistakes, ReasonField, TextArea } from "../../kit/form.tsx";
import { Notice } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { CheckResultNotice } from "./dead-letter-facts.tsx";
import { deadLetterHref } from "./list.tsx";

export interface InviteModel {
  readonly deadLetter: DeadLetter;
  /** Masked. */
  readonly lines: readonly JsonLine[];
}

/** What somebody has typed into an editor. */
export interface Typed {
  readonly text: string;
  readonly reason: string;
}

/** The editor, still shut: it shows contents, which takes a reason. */
export function Invite({
  deadLetter,
  lines,
  mistakes = [],
}: InviteModel & { readonly mistakes?: readonly string[] }): VNode {
  const mayReveal = useRight("reveal");
  return (
    <>
      <Mistakes mistakes={mistakes} />
      <CheckResultNotice now={deadLetter.now} />
      {deadLetter.archived !== null ? (
        <Notice tone="warning" title="It is in the archive already">
          <p>
            Nothing waits that could be edited.{" "}
            <a href={deadLetterHref(deadLetter)}>What became of it</a>
          </p>
        </Notice>
      ) : mayReveal ? (
        <ActionForm action={deadLetterHref(deadLetter, "/edit")}>
          <p>
            The editor shows the whole message. That you look, and why, is put on record; so is what
            you send. The original is kept in the archive.
          </p>
          <ReasonField />
          <div class="actions">
            <button name="step" value="open" type="submit">
              Open the editor
            </button>
            <a href={deadLetterHref(deadLetter)}>Back to the dead letter</a>
          </div>
        </ActionForm>
      ) : (
        <p>
          An editor shows the message, so it takes the right to reveal contents, too.{" "}
          <a href="/me">What you may do</a>
        </p>
      )}
      <h2>What is wrong, at its place</h2>
      <JsonLines lines={lines} label="The dead letter, masked" id="issue" />
    </>
  );
}

interface EditorProps {
  readonly deadLetter: DeadLetter;
  readonly typed: Typed;
  /** Undefined: not checked yet. */
  readonly now?: CheckResult;
  /** The original message; given once what was typed is compared with it. */
  readonly before?: string;
  /** What speaks against sending it. */
  readonly problems?: readonly string[];
  readonly mistakes?: readonly string[];
}

/** A message that is changed, what speaks against it, and how it differs from the original. */
export function Editor({
  deadLetter,
  typed,
  now,
  before,
  problems = [],
  mistakes = [],
}: EditorProps): VNode {
  const isChecked = now !== undefined && before !== undefined;
  const maySend = isChecked && problems.length === 0;
  const notes = (now ?? deadLetter.now).issues;
  return (
    <>
      <Mistakes mistakes={mistakes} />
      {problems.length > 0 && (
        <Notice tone="bad" title="Nothing was sent">
          <ul>
            {problems.map((problem) => (
              <li key={problem}>{printable(problem)}</li>
            ))}
          </ul>
        </Notice>
      )}
      {maySend && (
        <Notice tone="good" title="The contract accepts the changed message">
          <p>Look at what you have changed, then send it. The original is kept in the archive.</p>
        </Notice>
      )}
      {isChecked && (
        <>
          <h2>What you have changed</h2>
          <Diff before={before} after={endedLine(typed.text)} label="What was changed" />
        </>
      )}
      {(notes.length > 0 || !isChecked) && mistakes.length === 0 && (
        <>
          <h2>What is wrong, at its place</h2>
          <JsonView text={typed.text} notes={notes} label="The message" id="issue" />
        </>
      )}
      <ActionForm action={deadLetterHref(deadLetter, "/edit")}>
        <TextArea
          name="text"
          label="The message"
          hint="JSON. Numbers keep every digit that you write."
          value={typed.text}
          rows={Math.min(40, Math.max(8, typed.text.split("\n").length + 1))}
          isCode
          required
        />
        <ReasonField value={typed.reason} />
        <div class="actions">
          <button class={maySend ? "plain" : undefined} name="step" value="check" type="submit">
            {isChecked ? "Check again" : "Check, and show what changes"}
          </button>
          {maySend && (
            <button name="step" value="send" type="submit">
              Send it
            </button>
          )}
          <a href={deadLetterHref(deadLetter)}>Back, and send nothing</a>
        </div>
      </ActionForm>
    </>
  );
}

function endedLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
