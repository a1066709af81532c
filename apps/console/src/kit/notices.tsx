import { type Silence, shorten, withoutContents } from "@centralcloud/service";
import type { ComponentChildren } from "preact";
import { commandText } from "../routing/links.ts";
import { plural, Text, type Tone } from "./figures.tsx";

/** Something that is to be read before the rest. */
export function Notice({
  tone,
  title,
  children,
}: {
  readonly tone: Tone;
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <section class={`notice ${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <strong>{title}</strong>
      {children}
    </section>
  );
}

/** Names those that did not answer: what is shown beneath is what the others say. */
export function PartialSources({
  unreachable,
  failed = [],
}: {
  readonly unreachable: readonly Silence[];
  readonly failed?: readonly Silence[];
}) {
  const silent = [...unreachable, ...failed];
  if (silent.length === 0) return null;
  const title = `${plural(silent.length, "database")} did not answer; what follows is what the others say`;
  return (
    <section class="notice warning">
      <strong>{title}</strong>
      <ul>
        {silent.map(({ source, reason }) => (
          <li key={source}>
            <Text>{source}</Text>: <Text>{shorten(withoutContents(reason), 400)}</Text>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A command that does the same in a terminal; a button copies it where scripts run. */
export function Command({ words }: { readonly words: readonly string[] }) {
  return (
    <div class="command">
      <code data-command>{commandText(words)}</code>
      <button type="button" data-copy hidden>
        Copy
      </button>
    </div>
  );
}
