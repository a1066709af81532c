import { printableLines } from "./printable.ts";

/** A line of the log has at most so many characters, whatever a database says. */
export const maxLogLine = 16_384;

/** What texts and lists are cut to in a line that would be longer. */
const shortened = { characters: 1_000, items: 20 } as const;

/** A line that is too long even then says only these, and how long it was. */
const kept = ["level", "time", "msg", "source", "queue"] as const;

/**
 * A line of JSON, with its end of line, as it may be written: nothing in it steers a terminal, and it has no more than
 * {@link maxLogLine} characters. What had to go is counted in `cut`, in characters.
 */
export function logLine(line: string): string {
  const safe = printableLines(line);
  if (safe.length <= maxLogLine) return safe;
  const fields = JSON.parse(line) as Record<string, unknown>;
  const shorter = lineOf({ ...(shorten(fields) as object), cut: 0 });
  const cut = safe.length - shorter.length;
  if (shorter.length < maxLogLine - 10) return lineOf({ ...(shorten(fields) as object), cut });
  const rest = Object.fromEntries(kept.map((name) => [name, shorten(fields[name])]));
  return lineOf({ ...rest, cut: safe.length });
}

function lineOf(fields: object): string {
  return `${printableLines(JSON.stringify(fields))}\n`;
}

function shorten(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, shortened.characters);
  if (Array.isArray(value)) return value.slice(0, shortened.items).map(shorten);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shorten(field)]));
}
