import {
  contractFor,
  type Disclosure,
  isContractPath,
  type JsonLine,
  jsonLines,
  maskErrorText,
  maskJson,
  type Note,
  type QueueName,
  shownHeaders,
  shownOfDeadLetter,
} from "@centralcloud/contracts";
import type { DeadLetter } from "./find-dead-letter.ts";
import type { DeadLetterSummary } from "./list-dead-letters.ts";

/*
 * Dead letters as somebody may see them who may not read contents. What a consumer, or a database, has written about a message
 * is shown as far as it is known to hold nothing of the message; of the message itself what its contract shows.
 */

/** Of the headers that the dead letter itself has, beside those that its message had. */
const shownDeadLetterHeaders: Disclosure = { ...shownHeaders, imported_letter_id: "number" };

/** A row of a list. */
export function maskSummary(summary: DeadLetterSummary): DeadLetterSummary {
  const { queue, error, originalId, originalEnqueuedAt, originalMessage } = summary;
  return {
    ...summary,
    error: maskOrNull(error, maskErrorText),
    originalId: maskOrNull(originalId, digitsOnly),
    originalEnqueuedAt: maskOrNull(originalEnqueuedAt, timeOnly),
    originalMessage: maskOrNull(originalMessage, (text) =>
      maskJson(text, contractFor(queue).shown),
    ),
  };
}

/** A dead letter with all that it has. */
export function maskDeadLetter(deadLetter: DeadLetter): DeadLetter {
  const { queue, body, headers, history, reason, code, error, messageId } = deadLetter;
  return {
    ...deadLetter,
    reason: maskOrNull(reason, wordOnly),
    code: maskOrNull(code, wordOnly),
    error: maskOrNull(error, maskErrorText),
    messageId: maskOrNull(messageId, digitsOnly),
    body: maskOrNull(body, (text) => maskJson(text, shownIn(queue))),
    headers: maskOrNull(headers, (text) => maskJson(text, shownDeadLetterHeaders)),
    history: maskJson(history, shownHeaders.attempts),
  };
}

/**
 * The lines of a dead letter's body with what is wrong at its place: what the contract finds now, or else what it found
 * when the message was dead-lettered.
 *
 * @param revealed whether values are shown.
 */
export function linesOfDeadLetter(deadLetter: DeadLetter, revealed: boolean): readonly JsonLine[] {
  const { body, now, queue } = deadLetter;
  const found = now.issues.length > 0 ? now.issues : recordedIssues(body);
  const notes = found.map(({ path, message }) => ({ path: pathInDeadLetter(path), message }));
  const shown = revealed ? "all" : shownIn(queue);
  return jsonLines(body ?? "null", { shown, notes });
}

function shownIn(queue: QueueName): Disclosure {
  return shownOfDeadLetter(contractFor(queue).shown);
}

function pathInDeadLetter(path: string): string {
  if (path === "") return "original_message";
  return path.startsWith("[") ? `original_message${path}` : `original_message.${path}`;
}

/** A longer dead letter is not parsed for them. */
const maxParsed = 1024 * 1024;

function recordedIssues(body: string | null): readonly Note[] {
  if (body === null || body.length > maxParsed) return [];
  const { error } = Object(JSON.parse(body)) as { readonly error?: unknown };
  const { issues } = Object(error) as { readonly issues?: unknown };
  if (!Array.isArray(issues)) return [];
  return issues.slice(0, 100).flatMap((issue) => {
    const { path, message } = Object(issue) as Readonly<Record<string, unknown>>;
    const isIssue = typeof path === "string" && isContractPath(path) && typeof message === "string";
    return isIssue ? [{ path, message: maskErrorText(message) }] : [];
  });
}

function maskOrNull(text: string | null, mask: (text: string) => string): string | null {
  return text === null ? null : mask(text);
}

const masked = "…";

function digitsOnly(text: string): string {
  return /^\d{1,40}$/.test(text) ? text : masked;
}

function timeOnly(text: string): string {
  return /^[0-9TtZz:+. -]{1,40}$/.test(text) ? text : masked;
}

function wordOnly(text: string): string {
  return /^[\w.-]{1,40}$/.test(text) ? text : masked;
}
