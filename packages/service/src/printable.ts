/*
 * Texts of others may hold characters that steer a terminal, hide what stands beside them, or turn a line around: in
 * the ids of agents, in names, states and errors. All that we print or log passes here.
 */

/** Controls, marks of direction, invisible characters, separators of lines, and halves of characters. */
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Joiners that letters and pictures of several languages are written with. */
const harmless = new Set(["\u200c", "\u200d"]);

/**
 * A text of others as it may go to a terminal: what would steer that is spelt out as in JSON, so that a JSON text means
 * the same afterwards.
 */
export function printable(text: string): string {
  return text.replace(steering, (character) =>
    harmless.has(character) ? character : spelt(character),
  );
}

/** The same, but its lines stay lines: for a text that we have put together. */
export function printableLines(text: string): string {
  return text.replace(steering, (character) =>
    character === "\n" || harmless.has(character) ? character : spelt(character),
  );
}

/** On one line of at most so many characters. */
export function shorten(text: string, length: number): string {
  const line = printable(text.slice(0, 8 * length).replaceAll(/\s+/g, " "));
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

function spelt(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/**
 * A text as one word of a command that somebody may copy into a shell: names are those of sources, and whoever owns one
 * gives them as he likes.
 */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
