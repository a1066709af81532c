import {
  type Disclosure,
  type JsonLine,
  jsonLines,
  type Note,
  type Token,
} from "@centralcloud/contracts";
import { printable } from "@centralcloud/service";
import { diffLines } from "diff";

/** Something masked, in place of what the viewer may not see. */
export function Masked({ what = "masked" }: { readonly what?: string }) {
  return (
    <span class="masked" title="contents are masked; who may reveal them can do so with a reason">
      {what}
    </span>
  );
}

export interface JsonViewProps {
  /** JSON text as the database has it; every digit is kept. */
  readonly text: string;
  /** What is not masked; default: all of it. Mask in `read` already where a viewer may not see it. */
  readonly shown?: Disclosure;
  /** Said beneath the value that each is about. */
  readonly notes?: readonly Note[];
  readonly label: string;
  /** Begins the ids of lines with notes, for links to them: `{id}-1` is the first. */
  readonly id?: string;
}

/** Lines at most: a longer document is loaded as it is stored. */
const mostLines = 2_000;

/** A JSON document in lines, with what is wrong painted at its place. */
export function JsonView({ text, shown, notes = [], label, id = "json" }: JsonViewProps) {
  const lines = jsonLines(text, { notes, ...(shown === undefined ? {} : { shown }) });
  return <JsonLines lines={lines} label={label} id={id} />;
}

/** The same of lines that somebody else has made, with masks where the viewer may not see. */
export function JsonLines({
  lines,
  label,
  id = "json",
}: Pick<JsonViewProps, "label" | "id"> & { readonly lines: readonly JsonLine[] }) {
  let noted = 0;
  return (
    <figure class="json">
      <figcaption class="hidden">{label}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard. */}
      <section class="json-lines" aria-label={label} tabIndex={0}>
        {lines.slice(0, mostLines).map((line, index) => (
          <Line
            key={index}
            line={line}
            number={index + 1}
            id={line.notes.length > 0 ? `${id}-${++noted}` : undefined}
          />
        ))}
      </section>
      {lines.length > mostLines && (
        <p class="hint">
          {(lines.length - mostLines).toLocaleString("en-US")} more lines are left out.
        </p>
      )}
    </figure>
  );
}

/** Deeper levels are not indented further. */
const deepest = 24;

function Line({
  line,
  number,
  id,
}: {
  readonly line: JsonLine;
  readonly number: number;
  readonly id: string | undefined;
}) {
  const { tokens, depth, notes } = line;
  const indent = "  ".repeat(Math.min(depth, deepest));
  return (
    <div class={notes.length > 0 ? "json-line noted" : "json-line"} id={id}>
      <span class="line-number" aria-hidden="true">
        {number}
      </span>
      <code>
        {indent}
        {tokens.filter(({ kind }) => kind !== "space").map(paint)}
      </code>
      {notes.map((note) => (
        <p class="json-note" key={note}>
          {printable(note)}
        </p>
      ))}
    </div>
  );
}

function paint({ kind, text }: Token, index: number) {
  const shownText =
    kind === "punctuation" && /^[:,]$/.test(text) ? (text === ":" ? ": " : ",") : printable(text);
  if (kind === "punctuation" || kind === "other") return shownText;
  return (
    <span class={`t-${kind}`} key={index}>
      {shownText}
    </span>
  );
}

export interface DiffProps {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}

/** What differs between two texts, by lines. Longer texts than the library compares in time are shown whole. */
export function Diff({ before, after, label }: DiffProps) {
  const changes = diffLines(before, after, { timeout: 500, maxEditLength: 5_000 }) ?? [
    { value: before, removed: true, added: false },
    { value: after, removed: false, added: true },
  ];
  return (
    <figure class="diff">
      <figcaption class="hidden">{label}</figcaption>
      {changes.map(({ value, added, removed }, index) => {
        const Mark = added ? "ins" : removed ? "del" : "span";
        return (
          <Mark key={index} class="diff-part">
            {value
              .replace(/\n$/, "")
              .split("\n")
              .map((line, place) => (
                <code key={place}>
                  {added ? "+ " : removed ? "- " : "  "}
                  {printable(line)}
                </code>
              ))}
          </Mark>
        );
      })}
    </figure>
  );
}
