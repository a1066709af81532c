/** A text of others as it may go to a terminal: what would steer it, or turn the text around, is spelt out. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The same on one line of at most so many characters. */
export function shorten(text: string, length: number): string {
  const line = printable(text.replaceAll(/\s+/g, " "));
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
