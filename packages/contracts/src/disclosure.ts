import { issueCodes } from "./issues.ts";

/**
 * What of a document may be shown to somebody who may not read contents. A contract names what it shows, field by field;
 * everything else is masked: fields that it does not name with their names, and named ones whose value is not of the
 * shape that the field should have, because then it may be anything.
 */
export type Disclosure = Shape | readonly [Disclosure] | ShownFields;

/** The fields of an object that are shown, each with what of it. */
export interface ShownFields {
  readonly [field: string]: Disclosure;
}

/**
 * What a single value must look like to be shown. Of what is `sensitive`, only the name of the field is; of an `error`
 * the words that are no values.
 */
export type Shape =
  | "all"
  | "sensitive"
  | "identifier"
  | "timestamp"
  | "number"
  | "name"
  | "flag"
  | "path"
  | "issue"
  | "error";

/** As lines show a value that is masked; the text is the same for every value of a kind, so that it tells nothing. */
export type MaskedKind = "string" | "number" | "boolean" | "object" | "list";

/** Longer than any identifier that a contract accepts, with escapes. */
const maxIdentifierText = 3 * 1024;

const stringShapes = {
  identifier: { test: (literal: string) => literal.length <= maxIdentifierText },
  timestamp: /^"[0-9TtZz:+. -]{1,40}"$/,
  number: /^"[-+0-9.eE]{1,60}"$/,
  // of a key, an algorithm, a code, a consumer, a producer: one word
  name: /^"[\w.:@/+-]{1,100}"$/,
  flag: /^(?!)/,
  sensitive: /^(?!)/,
  issue: { test: (literal: string) => issueCodes.some((code) => `"${code}"` === literal) },
  // of an issue; where its words are those of no contract, they may be keys of a map
  path: { test: (literal: string) => isContractPath(literal.slice(1, -1)) },
} as const satisfies Readonly<Partial<Record<Shape, { test(literal: string): boolean }>>>;

/** Whether a string, as its JSON literal, may be shown where a value of this shape belongs. */
export function showsString(shape: keyof typeof stringShapes, literal: string): boolean {
  return stringShapes[shape].test(literal);
}

/** Whether a path is made of indexes and names of our own fields alone. */
export function isContractPath(path: string): boolean {
  if (path.length > 300) return false;
  const names = path.replaceAll(/\[\d+\]/g, "").split(".");
  return path === "" || names.every((name) => contractFields.has(name));
}

/** Every name that is in the path of an issue of one of our contracts. */
const contractFields: ReadonlySet<string> = new Set(
  "agent_id agents agents_updated alg confidence data data_key key_id learned_at pattern pattern_count sealed session_id session_state source synced_at total_patterns ulid updated_at".split(
    " ",
  ),
);

export function showsNumber(shape: Shape): boolean {
  return shape === "identifier" || shape === "number" || shape === "all";
}

/** What the headers of a message show, also those that an action on a dead letter adds. */
export const shownHeaders = {
  schema: "name",
  message_id: "name",
  traceparent: "name",
  replay_of: "number",
  replay_count: "number",
  replay_edited: "flag",
  attempts: [{ at: "timestamp", consumer: "name", error: { code: "name", message: "error" } }],
  action: "name",
  action_id: "number",
  new_msg_id: "number",
  archived_msg_id: "number",
  replayed_from_archive: "flag",
  archive_action_id: "number",
} as const satisfies Disclosure;

/** The same of a dead letter around a message that shows so much. */
export function shownOfDeadLetter(message: Disclosure): ShownFields {
  const error = {
    code: "name",
    message: "error",
    issues: [{ path: "path", code: "issue", message: "error" }],
  } as const satisfies Disclosure;
  return {
    original_message: message,
    original_message_id: "number",
    original_enqueued_at: "timestamp",
    original_headers: shownHeaders,
    as_text: ["name"],
    queue: "name",
    read_count: "number",
    reason: "name",
    error,
    consumer: "name",
    attempts: shownHeaders.attempts,
    dead_lettered_at: "timestamp",
  };
}
