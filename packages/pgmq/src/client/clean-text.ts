const longest = 2_000;

/**
 * A text that jsonb takes: without the character U+0000 and halves of surrogate pairs, and not longer
 * than 2,000 characters. What was there is shown as U+FFFD.
 */
export function cleanText(text: string): string {
  // A cut may leave half a pair at the end, so it is made well-formed last.
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return toWellFormed(short.replaceAll("\u0000", "\uFFFD"));
}

/** As `String.prototype.toWellFormed`, which TypeScript's library of ES2023 does not know. */
function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** The JSON text of a value whose strings are all cleaned. Keys are ours and need none of it. */
export function cleanJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "string" ? cleanText(part) : part,
  );
}
