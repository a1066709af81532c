import type { LoadMessage } from "../load/message.ts";
import { jsonbText } from "./jsonb-text.ts";
import type { Outcomes, Trace } from "./read-outcomes.ts";

export interface Mistake {
  /** What it has in common with others, as the end of a sentence about messages. */
  readonly kind: string;
  readonly text: string;
}

/** What is wrong with where one message ended. */
export function judgeMessage(
  message: LoadMessage,
  outcomes: Outcomes | undefined,
  maxAttempts: number,
): Mistake[] {
  const { number, outcome } = message;
  const sent = outcomes?.sent.get(number);
  if (sent === undefined)
    return [{ kind: "not sent", text: `${nameMessage(message)} was not sent` }];
  const traces = outcomes?.traces.get(number) ?? [];
  const name = `${nameMessage(message)} (msg_id ${sent.msgId})`;
  const expected = outcome === "merged" ? "in the archive" : `dead-lettered as ${outcome}`;
  const mistake = (found: string, about = "") => ({
    kind: `${found}, expected ${expected}`,
    text: `${name} is ${found}${about}, expected ${expected}`,
  });
  const [trace] = traces;
  if (trace === undefined) return [mistake("lost")];
  if (traces.length > 1) return [mistake(traces.map(namePlace).join(" and "))];
  const mistakes: Mistake[] = [];
  const where = namePlace(trace);
  if (where !== expected) mistakes.push(mistake(where, tellOf(trace)));
  if (trace.msgId !== sent.msgId || trace.enqueuedAt !== sent.enqueuedAt) {
    mistakes.push(mistake("under another identity", ` (${trace.msgId}, ${trace.enqueuedAt})`));
  }
  const { deadLetter } = trace;
  if (deadLetter !== undefined && deadLetter.original !== jsonbText(message.body)) {
    mistakes.push(mistake("changed in its dead letter"));
  }
  if (deadLetter?.reason === "failed" && deadLetter.attempts < maxAttempts) {
    mistakes.push(mistake("dead-lettered too early", `, with ${deadLetter.attempts} attempts`));
  }
  return mistakes;
}

function namePlace({ place, deadLetter }: Trace): string {
  if (place === "archive") return "in the archive";
  return deadLetter === undefined ? "still in its queue" : `dead-lettered as ${deadLetter.reason}`;
}

function tellOf({ deliveries, deadLetter }: Trace): string {
  const code = deadLetter === undefined ? "" : `, ${deadLetter.code}`;
  return ` (after ${deliveries} deliveries${code})`;
}

function nameMessage({ number, source, queue }: LoadMessage): string {
  return `message ${number} of source-${source + 1} in ${queue}`;
}
