import { isContractPath } from "./contract-paths.ts";
import { issueCodes } from "./issues.ts";
import type { Disclosure, Shape, ShownFields } from "./shown-fields.ts";

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
