import type { TraceEvent, Unknown } from "./event.ts";
import { eventsOf, type Message } from "./messages.ts";
import { isWithin, shifted, type TraceQuestion, type TraceWindow } from "./question.ts";
import type { CapturedSource } from "./read-gaps.ts";
import type { SourceAnswer } from "./read-source.ts";

/* Which of what was found belongs to the answer. */

/** Seconds after the story of a message in which what it was made of may have been committed. */
const afterS = 5;

export function spanOf(events: readonly TraceEvent[]): TraceWindow | undefined {
  const times = events.map(({ at }) => at).sort();
  const [first] = times;
  const last = times.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { from: first, to: shifted(last, afterS) };
}

/** All that were asked, as far as something is told of them; and all, where nothing is told at all. */
export function capturedOf(
  answers: readonly CapturedSource[],
  events: readonly TraceEvent[],
): readonly CapturedSource[] {
  const ids = new Set(events.map(({ sourceId }) => sourceId));
  const others = events.flatMap(({ sourceId, source }) =>
    sourceId === null || answers.some((one) => one.sourceId === sourceId)
      ? []
      : [{ sourceId, source: source ?? sourceId, isInvolved: true }],
  );
  const named = new Map(others.map((one) => [one.sourceId, one]));
  return [
    ...answers.map((one) => ({ ...one, isInvolved: ids.has(one.sourceId) || ids.size === 0 })),
    ...named.values(),
  ];
}

/** What the store has is of another time than that at which something happened to its messages. */
export function isMeant(
  { at, where, sessionId, fingerprint }: TraceEvent,
  messages: readonly Message[],
  window: TraceWindow,
): boolean {
  if (isWithin(at, window)) return true;
  return (
    where === "store" &&
    messages.some(
      (message) =>
        (sessionId !== undefined && message.session === sessionId) ||
        (fingerprint !== undefined && message.fingerprint === fingerprint),
    )
  );
}

/** What a source does not know matters where it, or no source at all, knows something of what is asked. */
export function unknownOf(
  { rows, unknown, limits }: SourceAnswer,
  { subject }: TraceQuestion,
  messages: readonly Message[],
): readonly Unknown[] {
  const isInvolved = rows.length > 0 || messages.length === 0;
  if ("messageId" in subject && !isInvolved) return [];
  const isWhole = rows.length > 0 && ("messageId" in subject || "msgId" in subject);
  return isInvolved && !isWhole ? [...unknown, ...limits] : unknown;
}

/** Messages that anything happened to in the window, with all that they were sent as before and again. */
export function chosen(messages: readonly Message[], window: TraceWindow): readonly Message[] {
  if (window.from === null && window.to === null) return messages;
  const told = new Set<string>();
  const kept = new Set(
    messages.filter(
      (message) =>
        eventsOf(message, told).some(({ at }) => isWithin(at, window)) ||
        // It was sent before, and waits since.
        message.rows.some(
          ({ table, sentAt }) => table === "queue" && (sentAt ?? "") <= (window.to ?? "~"),
        ),
    ),
  );
  const nameOf = (message: Message, id: string | null) =>
    JSON.stringify([message.sourceId, message.queue, id]);
  const namesOf = (message: Message) => [
    nameOf(message, message.msgId),
    ...message.rows.flatMap(({ replayOf, newMsgId }) =>
      [replayOf, newMsgId].filter((id) => id !== null).map((id) => nameOf(message, id)),
    ),
  ];
  for (let before = -1; before !== kept.size; ) {
    before = kept.size;
    const names = new Set([...kept].flatMap(namesOf));
    for (const message of messages)
      if (namesOf(message).some((one) => names.has(one))) kept.add(message);
  }
  return messages.filter((message) => kept.has(message));
}
