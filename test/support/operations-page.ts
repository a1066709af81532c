import { readdirSync, readFileSync } from "node:fs";

/** A fenced block of a page in docs/operate. */
export interface Block {
  /** `sh` and `sql` are done; `text` and `json` are what is shown then. */
  readonly language: "sh" | "sql" | "text" | "json";
  /** Where a statement is done: `source` or `central`; `server` is a shell there. */
  readonly place: string | undefined;
  readonly text: string;
}

const folder = new URL("../../docs/operate/", import.meta.url);

/** The text of one page of docs/operate. @param name without `.md` */
export function operatePage(name: string): string {
  return readFileSync(new URL(`${name}.md`, folder), "utf8");
}

const pages = readdirSync(folder)
  .filter((file) => file.endsWith(".md"))
  .map((file) => file.replace(/\.md$/, ""));

/** What stands under a heading of any page, with the sections below it. Fails where there is not exactly one such heading. */
function sectionOf(title: string): { readonly text: string; readonly level: number } {
  const heading = new RegExp(`^(#{1,4}) ${escapePattern(title)}$`, "gm");
  const found = pages.flatMap((name) => {
    const page = withoutComments(operatePage(name));
    return [...page.matchAll(heading)].map((match) => {
      const level = match[1]?.length ?? 1;
      const rest = page.slice(match.index + match[0].length);
      return { level, text: rest.slice(0, new RegExp(`^#{1,${level}} `, "m").exec(rest)?.index) };
    });
  });
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`docs/operate has ${found.length} sections "${title}", and not one`);
  }
  return first;
}

/** A comment of a shell begins as a heading does: its blocks are indented while headings are looked for. */
function withoutComments(page: string): string {
  return page.replaceAll(/^( *)```(?:sh|text)\b[\s\S]*?^\1```$/gm, (block) =>
    block.replaceAll(/^# /gm, " # "),
  );
}

/** The blocks of one section (not of those beneath it), in their order. */
export function blocksOf(title: string): readonly Block[] {
  const { text } = sectionOf(title);
  const own = text.slice(0, /^#{1,4} /m.exec(text)?.index);
  return [...own.matchAll(/^( *)```(sh|sql|text|json)(?: (\w+))?\n([\s\S]*?)^\1```$/gm)].map(
    ([, indent = "", language, place, block = ""]) => ({
      language: language as Block["language"],
      place,
      text: block.replaceAll(new RegExp(`^${indent}`, "gm"), "").trimEnd(),
    }),
  );
}

/** The titles of all sections directly beneath one. */
export function sectionsOf(title: string): readonly string[] {
  const { text, level } = sectionOf(title);
  const heading = new RegExp(`^#{${level + 1}} (.+)$`, "gm");
  return [...text.matchAll(heading)].map(([, name = ""]) => name);
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
