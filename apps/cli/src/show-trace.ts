import { printable, shorten } from "@centralcloud/service";
import type { FieldChange, Trace, TraceEvent, TraceQuestion, Unknown } from "@centralcloud/trace";
import { RawJson, writeJson } from "./raw-json.ts";

/** A trace as one JSON document, its contents as PostgreSQL wrote them. */
export function formatTraceJson({ events, revealed, ...rest }: Trace): string {
  return writeJson({ events: events.map(asJson), masked: !revealed, ...rest });
}

function asJson({ content, key, changes, ...event }: TraceEvent) {
  const raw = (text: string | null | undefined) =>
    text === undefined || text === null ? text : new RawJson(text);
  return {
    ...event,
    key: raw(key),
    content: raw(content),
    changes: changes?.map((one) => ({ field: one.field, old: raw(one.old), new: raw(one.new) })),
  };
}

/** What stands in one line of a timeline, and beneath it. */
interface Line {
  readonly at: string | null;
  readonly source: string;
  readonly where: string;
  readonly what: string;
  readonly below: readonly string[];
}

const longest = { source: 32, what: 400, value: 120, content: 2_000 };

/** A trace for people: a line for each event and for each thing that is not known, oldest first, a heading for each day. */
export function formatTraceText({ subject }: TraceQuestion, trace: Trace): string {
  const { events, unknown, window, revealed } = trace;
  const [[kind, id] = ["", ""]] = Object.entries(subject);
  const names: Readonly<Record<string, string>> = { msgId: "message", messageId: "message" };
  const of = `${names[kind] ?? kind} ${shorten(id, 100)}`;
  const isOfSeveral = new Set(events.map(({ queue }) => queue ?? "")).size > 1;
  const lines = inOrder([
    ...unknown.map(asUnknownLine),
    ...events.map((event) => asLine(event, isOfSeveral)),
  ]);
  const width = {
    source: Math.max(0, ...lines.map(({ source }) => source.length)),
    where: Math.max(0, ...lines.map(({ where }) => where.length)),
  };
  const indent = " ".repeat("00:00:00.000000".length + width.source + width.where + 6);
  const text: string[] = [headOf(of, window), ...sourcesOf(events)];
  if (!revealed) text.push("contents are masked: --reveal --reason shows them, and is recorded");
  if (events.length === 0) text.push("", `nothing is known of ${of}`);
  let day: string | undefined;
  for (const { at, source, where, what, below } of lines) {
    const date = at?.slice(0, 10) ?? "before";
    if (date !== day) text.push("", at === null ? "since ever" : date);
    day = date;
    const time = at === null ? "" : at.slice(11, 26);
    const cells = [time.padEnd(15), source.padEnd(width.source), where.padEnd(width.where), what];
    text.push(cells.join("  ").trimEnd(), ...below.map((line) => `${indent}${line}`));
  }
  return text.join("\n");
}

function headOf(of: string, { from, to }: Trace["window"]): string {
  if (from === null && to === null) return `${of}; all times are UTC`;
  const begin = from === null ? "the beginning" : from;
  return `${of}, from ${begin} to ${to ?? "now"}; all times are UTC`;
}

/** An id of a message is one of each source: who asks may have meant one of them. */
function sourcesOf(events: readonly TraceEvent[]): readonly string[] {
  const names = new Set(events.flatMap(({ source }) => (source === null ? [] : [source])));
  if (names.size < 2) return [];
  const listed = [...names].map((name) => shorten(name, longest.source)).join(", ");
  return [`it is known at ${names.size} sources; --source chooses: ${listed}`];
}

/** Those of one moment stay in their order; what is not known comes before what happened then. */
function inOrder(lines: readonly Line[]): readonly Line[] {
  return lines.toSorted((one, other) => {
    const [first, second] = [one.at ?? "", other.at ?? ""];
    return first < second ? -1 : first > second ? 1 : 0;
  });
}

/** @param isOfSeveral whether messages of several queues are told of, where an id by itself says little. */
function asLine(event: TraceEvent, isOfSeveral: boolean): Line {
  const { at, where, what, source, msgId, queue, error, key, content, changes = [] } = event;
  const isNamed = msgId === undefined || what.includes(`sent as message ${msgId}`);
  const name = isNamed ? "" : `, message ${msgId}${isOfSeveral ? ` of ${queue}` : ""}`;
  const because =
    error === undefined
      ? ""
      : ` (${[error.code, error.message].filter((one) => one !== null).join(": ")})`;
  const row = key === undefined ? "" : ` ${key}`;
  return {
    at,
    source: shorten(source ?? "", longest.source),
    where,
    what: shorten(`${what}${because}${name}${row}`, longest.what),
    below: [
      ...describeChanges(what.startsWith("update"), changes),
      ...(content === undefined ? [] : [shorten(content, longest.content)]),
    ],
  };
}

/** Old and new values side by side; of an update, `?` for what was there before and is not known. */
function describeChanges(isUpdate: boolean, changes: readonly FieldChange[]): readonly string[] {
  const cell = (value: string | null, otherwise: string) =>
    shorten(value ?? otherwise, longest.value);
  const rows = changes.map(({ field, old, new: now }) => ({
    field: shorten(field, 60),
    old: isUpdate ? cell(old, "?") : cell(old, ""),
    now: cell(now, ""),
  }));
  const width = {
    field: Math.max(0, ...rows.map(({ field }) => field.length)),
    old: Math.max(0, ...rows.map(({ old }) => old.length)),
  };
  return rows.map(({ field, old, now }) => {
    const name = field.padEnd(width.field);
    if (!isUpdate) return `${name}  ${old}${now}`;
    return `${name}  ${old.padEnd(width.old)}  →  ${now}`;
  });
}

function asUnknownLine({ from, to, why, source }: Unknown): Line {
  const until = to === null ? "until now" : `until ${to}`;
  return {
    at: from,
    source: shorten(source ?? "", longest.source),
    where: "not known",
    what: `${until}: ${printable(why)}`,
    below: [],
  };
}
