import { randomBytes } from "node:crypto";
import { type Environment, hasColours, printableLines } from "@centralcloud/service";
import stringWidth from "string-width";

/*
 * All that a command writes for people passes here. What steers a terminal is spelt out in every text; colours are
 * added afterwards, from marks that hold a random number of this process, which no text of others can have.
 */

/** What a part of a text means, for whoever sees colours. */
export type Meaning = "bad" | "warning" | "good" | "faint" | "strong";

const codes: Readonly<Record<Meaning, number>> = {
  bad: 31,
  warning: 33,
  good: 32,
  faint: 2,
  strong: 1,
};

const nonce = randomBytes(12).toString("hex");
const markOf = (meaning: Meaning | "") => `\u0001${nonce}${meaning}\u0002`;
const marks = new RegExp(markOf("").replace("\u0002", "([a-z]*)\u0002"), "g");

/** The same text, in a colour where whoever reads it sees colours. Not to be put into another. */
export function paint(meaning: Meaning, text: string): string {
  return text === "" ? "" : `${markOf(meaning)}${text}${markOf("")}`;
}

/** A text as whoever sees no colours reads it. */
export function withoutColours(text: string): string {
  return text.replace(marks, "");
}

/** The columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  return stringWidth(withoutColours(text));
}

type Stream = NodeJS.WriteStream;

let settings: Environment = {};

/** How the output is written from now on, by the variables of the command's environment. */
export function useTerminalSettings(environment: Environment): void {
  settings = environment;
}

/** The columns of a terminal; undefined where the stream is none, and lines may have any length. */
export function columnsOf(stream: Pick<Stream, "isTTY" | "columns">): number | undefined {
  if (stream.isTTY !== true) return undefined;
  // Some terminals do not say how wide they are.
  return stream.columns || Number(settings.COLUMNS) || 80;
}

/** A text as the stream shows it. */
function render(text: string, stream: Stream): string {
  const coloured = hasColours(stream.isTTY === true, settings);
  return text
    .split(marks)
    .map((part, index) => {
      if (index % 2 === 0) return printableLines(part);
      if (!coloured) return "";
      return `\u001b[${part === "" ? 0 : codes[part as Meaning]}m`;
    })
    .join("");
}

/** A text behind a beginning of its line, broken at the width of the terminal; further lines begin with an indent. */
export function wrapped(start: string, text: string, indent: string): readonly string[] {
  const columns = columnsOf(process.stdout) ?? Number.POSITIVE_INFINITY;
  const room = columns - Math.max(widthOf(start), indent.length);
  if (room < 20 || stringWidth(text) <= room) return [`${start}${text}`];
  const [first = "", ...others] = wrapText(text, room);
  return [`${start}${first}`, ...others.map((line) => `${indent}${line}`)];
}

/** Prints a text, or a JSON document, on standard output: the results of a command. */
export function print(text: string): void {
  hideStatus();
  // biome-ignore lint/suspicious/noConsole: the one place that writes results
  console.log(render(text, process.stdout));
  showStatus();
}

/** Prints a text on standard error: everything that is no result. */
export function printError(text: string): void {
  hideStatus();
  // biome-ignore lint/suspicious/noConsole: the one place that writes messages
  console.error(render(text, process.stderr));
  showStatus();
}

/** Prints what somebody should know, and what is no error of the command. */
export function warn(text: string): void {
  printError(`${paint("warning", "warning:")} ${text}`);
}

/** Writes lines of a log, which are safe already, above the status line. */
export function writeAboveStatus(write: () => void): void {
  hideStatus();
  write();
  showStatus();
}

/** Shows a text in place of all that a terminal shows; elsewhere beneath what is there. */
export function redraw(text: string): void {
  const { stdout } = process;
  if (stdout.isTTY !== true) {
    print(`${text}\n`);
    return;
  }
  const lines = text.split("\n").map((line) => render(line, stdout));
  const { rows = 0 } = stdout;
  const shown = rows > 1 && lines.length > rows ? cutTo(lines, rows) : lines;
  stdout.write(`\u001b[H${shown.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`);
}

function cutTo(lines: readonly string[], rows: number): readonly string[] {
  const left = lines.length - (rows - 1);
  return [...lines.slice(0, rows - 1), `… ${left} lines more: make the window higher`];
}

/** Clears a terminal before its first {@link redraw}. */
export function clearScreen(): void {
  if (process.stdout.isTTY === true) process.stdout.write("\u001b[2J\u001b[H");
}

let status = "";
let isStatusShown = false;

/** Whether somebody sees how far a command is: standard error is a terminal that can rewrite a line. */
export function canShowStatus(): boolean {
  return process.stderr.isTTY === true && settings.TERM !== "dumb";
}

/** Shows one line at the bottom of standard error, instead of the one before, until it is empty. */
export function setStatus(text: string): void {
  if (!canShowStatus() || text === status) return;
  hideStatus();
  status = text;
  showStatus();
}

function hideStatus(): void {
  if (!isStatusShown) return;
  isStatusShown = false;
  process.stderr.write("\r\u001b[K");
}

function showStatus(): void {
  if (status === "" || isStatusShown) return;
  isStatusShown = true;
  const columns = columnsOf(process.stderr) ?? 80;
  process.stderr.write(render(cutToWidth(status, columns - 1), process.stderr));
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A line as several of so many columns at most: broken at blanks, which go, or within a word that is wider than that. */
export function wrapText(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  let width = 0;
  const end = () => {
    lines.push(line);
    line = "";
    width = 0;
  };
  for (const word of text.split(/ +/)) {
    const room = columns - width - (line === "" ? 0 : 1);
    const wide = stringWidth(word);
    if (line !== "" && wide > room) end();
    if (line !== "") {
      line += " ";
      width += 1;
    }
    if (wide <= columns) {
      line += word;
      width += wide;
      continue;
    }
    for (const { segment } of graphemes.segment(word)) {
      const more = stringWidth(segment);
      if (line !== "" && width + more > columns) end();
      line += segment;
      width += more;
    }
  }
  if (line !== "" || lines.length === 0) end();
  return lines;
}

/** On one line of so many columns at most; what is left out is an ellipsis. */
function cutToWidth(text: string, columns: number): string {
  const line = printableLines(text).replaceAll("\n", " ");
  if (stringWidth(line) <= columns) return line;
  let kept = "";
  let width = 1;
  for (const { segment } of graphemes.segment(line)) {
    width += stringWidth(segment);
    if (width > columns) break;
    kept += segment;
  }
  return `${kept}…`;
}
