import type { QueueName } from "@centralcloud/contracts";
import type { TraceEvent } from "./event.ts";
import { normalized, type TraceSubject } from "./question.ts";
import type { SourceRow } from "./read-source.ts";

/* From the rows that sources have to messages, and to what happened to each. */

/** What tells a message from all others. */
export interface Identity {
  readonly sourceId: string;
  readonly queue: QueueName;
  readonly msgId: string;
  readonly enqueuedAt: string;
}

export interface Message extends Identity {
  readonly source: string;
  readonly rows: readonly SourceRow[];
  readonly agent: string | null;
  readonly session: string | null;
  /** When it was learned, or is the state of: by its own words. */
  readonly version: string | null;
  /** Of its pattern: hexadecimal. */
  readonly fingerprint: string | null;
  /** Whether an archive says that it was merged, and when it came there. */
  readonly archivedAt: string | null;
  readonly isSetAside: boolean;
}

/** Rows as messages; a row that says no id or no time of its message is one by itself, which no other database knows. */
export function messagesOf(rows: readonly SourceRow[], subject: TraceSubject): readonly Message[] {
  const groups = new Map<string, SourceRow[]>();
  for (const row of rows) {
    const decoded = decode(row, subject);
    if (decoded === undefined) continue;
    const { sourceId, queue, id, table, rowId } = decoded;
    const at = normalized(decoded.sentAt ?? "");
    const key = JSON.stringify(
      id === null || at === undefined ? [sourceId, queue, table, rowId] : [sourceId, queue, id, at],
    );
    const group = groups.get(key) ?? [];
    group.push(decoded);
    groups.set(key, group);
  }
  return [...groups.values()].map(messageOf);
}

function messageOf(rows: readonly SourceRow[]): Message {
  const [first] = rows as readonly [SourceRow];
  const any = <Name extends keyof SourceRow>(name: Name) =>
    rows.map((row) => row[name]).find((value) => value !== null) ?? null;
  const archived = rows.find(({ table }) => table === "archive");
  return {
    source: first.source,
    sourceId: first.sourceId,
    queue: first.queue,
    msgId: first.id ?? "unknown",
    enqueuedAt: normalized(first.sentAt ?? "") ?? normalized(first.diedAt ?? "") ?? "",
    rows,
    agent: any("agent"),
    session: any("session"),
    version: normalized(any("version") ?? "") ?? null,
    fingerprint: any("fingerprint"),
    archivedAt: normalized(archived?.goneAt ?? "") ?? null,
    isSetAside: archived !== undefined && archived.setAside !== null,
  };
}

/** A message that was encoded twice is a text of its JSON; undefined where that is of another agent or session. */
function decode(row: SourceRow, subject: TraceSubject): SourceRow | undefined {
  if (row.body === null || !row.body.startsWith('"')) return row;
  const inner = innerObject(row.body);
  if (inner === undefined) return undefined;
  const text = (name: string) => {
    const value = inner.fields[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : null;
  };
  const decoded = {
    ...row,
    agent: text("agent_id"),
    session: text("session_id"),
    version: text("learned_at") ?? text("synced_at") ?? text("updated_at"),
    confidence: text("confidence"),
    fingerprint: null,
  };
  if ("agent" in subject && decoded.agent !== subject.agent) return undefined;
  if ("session" in subject && decoded.session !== subject.session) return undefined;
  return decoded;
}

function innerObject(text: string): { readonly fields: Record<string, unknown> } | undefined {
  try {
    const inner: unknown = JSON.parse(JSON.parse(text) as string);
    const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    return isObject ? { fields: inner as Record<string, unknown> } : undefined;
  } catch {
    return undefined;
  }
}

/** What the rows of a message tell of it. Attempts that are in `told` already, by another row's history, are left out. */
export function eventsOf(message: Message, told: Set<string>): readonly TraceEvent[] {
  const { rows } = message;
  const events: TraceEvent[] = [];
  const [sent] = rows.toSorted((one, other) => rank(one) - rank(other));
  if (sent !== undefined) events.push(...sentEvents(message, sent));
  for (const row of rows) {
    if (row.diedAt !== null) {
      events.push(...deadLetterEvents(message, row));
    } else if (row.table === "archive") {
      const what = message.isSetAside ? "set aside in the archive: it was not merged" : "archived";
      events.push(...at(row.goneAt, { ...base(message), where: "archive", what }));
    }
  }
  for (const row of rows) events.push(...attemptEvents(message, row, told));
  return events;
}

/** The row that tells best how a message was sent: one of the message itself, rather than of a dead letter. */
function rank({ table }: SourceRow): number {
  return ["archive", "queue", "deadLetterArchive", "deadLetters"].indexOf(table);
}

function base(message: Message) {
  const { source, sourceId, queue, msgId, enqueuedAt, agent, session, rows } = message;
  const messageId = rows.find((row) => row.messageId !== null)?.messageId ?? null;
  return {
    source,
    sourceId,
    queue,
    msgId,
    enqueuedAt,
    ...(messageId === null ? {} : { messageId }),
    ...(agent === null ? {} : { agentId: agent }),
    ...(session === null ? {} : { sessionId: session }),
  };
}

/** An event whose time can be read. */
function at(time: string | null, event: Omit<TraceEvent, "at">): readonly TraceEvent[] {
  const moment = normalized(time ?? "");
  return moment === undefined ? [] : [{ at: moment, ...event }];
}

function sentEvents(message: Message, row: SourceRow): readonly TraceEvent[] {
  const { msgId, queue, version, agent } = message;
  const rest = { ...base(message), where: "queue" } as const;
  const content = row.body === null ? {} : { content: row.body };
  const isPattern = queue === "centralcloud-new-patterns";
  const learned = isPattern && version !== null && row.replayOf === null;
  const who = agent === null ? "" : ` by ${agent}`;
  return [
    ...(learned ? [{ at: version, ...rest, what: `learned${who}` }] : []),
    ...at(row.sentAt, {
      ...rest,
      what: [
        `sent as message ${msgId} to ${queue}`,
        ...againOf(row),
        aboutOf(message, row),
        waitOf(message),
      ]
        .filter((words) => words !== "")
        .join(", "),
      ...content,
    }),
  ];
}

function againOf({ replayOf, replayCount, fromArchive }: SourceRow): readonly string[] {
  return [
    replayOf === null ? "" : `replay ${replayCount ?? "?"} of message ${replayOf}`,
    fromArchive === null ? "" : "brought back from the archive since",
  ];
}

/** What a message says of its confidence need not be a number; then it is contents. */
const numeral = /^-?\d[\d.eE+-]*$/;

function aboutOf({ queue, session, version }: Message, { keyId, confidence }: SourceRow): string {
  const sure = numeral.test(confidence ?? "") ? `, confidence ${confidence}` : "";
  if (queue !== "agent-sessions") return sure.slice(2);
  const sealed = keyId === null ? "" : `, sealed for key ${keyId}`;
  const of = session === null ? "a session" : `session ${session}`;
  return `${of}${version === null ? "" : ` as of ${version}`}${sealed}${sure}`;
}

/** What happens now to a message that is in its queue. */
function waitOf({ rows }: Message): string {
  const waiting = rows.find(({ table }) => table === "queue");
  if (waiting === undefined || rows.some(({ table }) => table !== "queue")) return "";
  const { readCount, visibleAt } = waiting;
  const read = readCount === "0" ? "it waits" : `it waits, and was read ${readCount} times`;
  return `${read}; it is given to a consumer from ${visibleAt} on`;
}

function deadLetterEvents(message: Message, row: SourceRow): readonly TraceEvent[] {
  const { reason, errorCode, error, deadLetterId, goneAt, actionId } = row;
  const ofDeadLetter = {
    ...base(message),
    where: "dead-letter",
    ...(deadLetterId === null ? {} : { deadLetterId }),
  } as const;
  const died = at(row.diedAt, {
    ...ofDeadLetter,
    what: `dead-lettered as ${deadLetterId}: ${reason ?? "no reason"}`,
    error: { code: errorCode, message: error },
  });
  const action = actionId === null ? {} : { actionId };
  return [...died, ...at(goneAt, { ...ofDeadLetter, ...action, what: endOf(row) })];
}

/** How a dead letter came to its archive. */
function endOf({
  action,
  actionId,
  newMsgId,
  alreadyMerged,
  edited,
  deadLetterId,
}: SourceRow): string {
  const by = actionId === null ? "" : ` by action ${actionId}`;
  if (action === "replay" && newMsgId !== null) {
    return `dead letter ${deadLetterId} sent again as message ${newMsgId}${edited === null ? "" : ", edited"}${by}`;
  }
  if (action === "replay" && alreadyMerged !== null) {
    return `dead letter ${deadLetterId} archived${by}: its message was merged already, so nothing was sent`;
  }
  if (action === "discard") return `dead letter ${deadLetterId} discarded${by}`;
  return `dead letter ${deadLetterId} archived by hand`;
}

/** When messages were dead-lettered, as the histories of their replays say it, too: told by the dead letters themselves. */
export function notedDeaths(messages: readonly Message[]): Set<string> {
  return new Set(
    messages.flatMap((message) =>
      message.rows.flatMap(({ deadLetteredAt }) => {
        const died = normalized(deadLetteredAt ?? "");
        return died === undefined ? [] : [attemptKey(message, died)];
      }),
    ),
  );
}

/** Failures, as the headers of a replay and dead letters tell them; those of former lives among them. */
function attemptEvents(
  message: Message,
  { history }: SourceRow,
  told: Set<string>,
): readonly TraceEvent[] {
  return parseHistory(history).flatMap((attempt) => {
    const moment = normalized(attempt.at);
    if (moment === undefined || told.has(attemptKey(message, moment))) return [];
    told.add(attemptKey(message, moment));
    return [attemptEvent(message, moment, attempt)];
  });
}

export function attemptKey({ sourceId, queue }: Identity, moment: string): string {
  return JSON.stringify([sourceId, queue, moment]);
}

export interface Attempt {
  readonly consumer: string | null;
  readonly code: string | null;
  readonly error: string | null;
}

export function attemptEvent(message: Message, moment: string, attempt: Attempt): TraceEvent {
  const { consumer, code, error } = attempt;
  return {
    at: moment,
    ...base(message),
    where: "attempt",
    what: `failed${consumer === null ? "" : ` at consumer ${consumer}`}`,
    error: { code, message: error },
  };
}

/** The ledger's row of a message. */
export function mergedEvent(message: Message, processedAt: string): TraceEvent {
  return { at: processedAt, ...base(message), where: "ledger", what: "merged" };
}

/** Other clients may have anything in their histories. */
function parseHistory(text: string | null): readonly (Attempt & { readonly at: string })[] {
  if (text === null) return [];
  const history = JSON.parse(text) as unknown;
  if (!Array.isArray(history)) return [];
  return history.map((attempt: unknown) => {
    const { at: time, consumer, error } = Object(attempt) as Readonly<Record<string, unknown>>;
    const { code, message } = Object(error) as Readonly<Record<string, unknown>>;
    return {
      at: words(time) ?? "",
      consumer: words(consumer),
      code: words(code),
      error: words(message),
    };
  });
}

function words(value: unknown): string | null {
  return typeof value === "string" ? value.slice(0, 2_000) : null;
}
