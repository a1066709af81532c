import { SelectionError } from "./errors.ts";

/** Where a dead letter stands among those of its queue, by time and then by id. */
export interface DeadLetterKey {
  /** UTC with microseconds, of fixed width. */
  readonly at: string;
  /** In decimal digits. */
  readonly id: string;
}

/** A dead letter's place among all dead letters: those of the same time and id are told apart by their place. */
export interface Cursor extends DeadLetterKey {
  readonly place: string;
}

/** Orders by time, id and place; negative where `one` comes first. */
export function compareCursors(one: Cursor, other: Cursor): number {
  if (one.at !== other.at) return one.at < other.at ? -1 : 1;
  if (one.id !== other.id) return BigInt(one.id) < BigInt(other.id) ? -1 : 1;
  if (one.place !== other.place) return one.place < other.place ? -1 : 1;
  return 0;
}

export function encodeCursor({ at, id, place }: Cursor): string {
  return Buffer.from(JSON.stringify([at, id, place])).toString("base64url");
}

/** @throws {SelectionError} */
export function decodeCursor(text: string): Cursor {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    const [at, id, place] = Array.isArray(value) ? value : [];
    const isTime = typeof at === "string" && /^\d{4}-\d\d-\d\dT[\d:.]{15}Z$/.test(at);
    const isId = typeof id === "string" && /^\d{1,19}$/.test(id);
    if (isTime && isId && typeof place === "string") return { at, id, place };
  } catch {
    // The reason would speak of JSON, of which whoever passed the cursor knows nothing.
  }
  throw new SelectionError("the cursor is not one that a list ended with");
}
