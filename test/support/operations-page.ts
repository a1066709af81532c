import { readFileSync } from "node:fs";

/** A fenced block of docs/operations.md. */
export interface Block {
  /** `sh` and `sql` are done; `text` and `json` are what is shown then. */
  readonly language: "sh" | "sql" | "text" | "json";
  /** Where a statement is done: `source` or `central`; `server` is a shell there. */
  readonly place: string | undefined;
  readonly text: string;
}

const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");

/** The blocks of one section (not of those beneath it), in their order. Fails where there is no such section. */
export function blocksOf(title: string): readonly Block[] {
  const heading = new RegExp(`^#{2,4} ${escapePattern(title)}$`, "m").exec(page);
  if (heading === null) throw new Error(`docs/operations.md has no section "${title}"`);
  const rest = page.slice(heading.index + heading[0].length);
  const section = rest.slice(0, /^#{2,4} /m.exec(rest)?.index);
  return [...section.matchAll(/^( *)```(sh|sql|text|json)(?: (\w+))?\n([\s\S]*?)^\1```$/gm)].map(
    ([, indent = "", language, place, text = ""]) => ({
      language: language as Block["language"],
      place,
      text: text.replaceAll(new RegExp(`^${indent}`, "gm"), "").trimEnd(),
    }),
  );
}

/** The titles of all sections beneath one. */
export function sectionsOf(title: string): readonly string[] {
  const beneath = page.split(new RegExp(`^## ${escapePattern(title)}$`, "m"))[1] ?? "";
  const section = beneath.slice(0, /^## /m.exec(beneath)?.index);
  return [...section.matchAll(/^### (.+)$/gm)].map(([, name = ""]) => name);
}

/**
 * What a `text` block says must be seen: its lines, in their order, somewhere in the output. `…` stands for
 * anything, runs of spaces for any.
 */
export function shownPattern(text: string): RegExp {
  const lines = text
    .split("\n")
    .map((line) => escapePattern(line.trim()).replaceAll("…", ".*").replaceAll(/ +/g, " +"));
  return new RegExp(lines.join("(?:.|\\n)*?"));
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
