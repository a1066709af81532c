import { deadLetterSql } from "@centralcloud/dead-letters";
import type { QueryResultRow } from "pg";
import type { CentralReader } from "./central-reader.ts";
import type { TraceEvent } from "./event.ts";
import type { Message } from "./messages.ts";
import type { TraceWindow } from "./question.ts";
import type { SourceRow } from "./read-source.ts";

/* What operators did to the messages that are told of, and to their sources. */

const { instant } = deadLetterSql;

interface Part {
  readonly sourceId: string;
  readonly queue: string;
  readonly selection: Readonly<Record<string, unknown>>;
}

interface Step {
  readonly at: string;
  readonly event: string;
  readonly actor: string;
}

interface Action extends QueryResultRow {
  readonly id: string;
  readonly kind: string;
  readonly reason: string;
  readonly selection: Readonly<Record<string, unknown>>;
  readonly error: string | null;
  readonly moved: string;
  readonly startedAt: string;
  readonly parts: readonly Part[];
  readonly steps: readonly Step[];
}

/** Actions that are looked at: the newest. */
const most = 300;

/** What is done to a source as a whole, and to nothing in it. */
const ofSources = ["adopt-source", "renew-source"];

export async function readActions(
  central: CentralReader,
  messages: readonly Message[],
  window: TraceWindow,
): Promise<void> {
  const sourceIds = [...new Set(messages.map(({ sourceId }) => sourceId))];
  const rows = messages.flatMap((message) => message.rows);
  const named = rows.flatMap(({ actionId }) =>
    /^\d{1,18}$/.test(actionId ?? "") ? [actionId] : [],
  );
  const deadLetters = rows.filter(({ diedAt }) => diedAt !== null);
  const since = deadLetters.map(({ diedAt }) => diedAt ?? "").sort()[0] ?? null;
  await central.partly("what operators did", async () => {
    const actions = await central.ask<Action>(
      `select a.id::text as id, a.action as kind, left(a.reason, 1000) as reason, a.selection, left(a.error, 500) as error,
              ${instant("a.started_at")} as "startedAt",
              (select coalesce(sum(p.moved_count), a.message_count)::text
                 from central.operator_action_parts p where p.action_id = a.id) as moved,
              (select coalesce(jsonb_agg(jsonb_build_object(
                        'sourceId', p.source_id, 'queue', p.queue, 'selection', p.selection)), '[]')
                 from central.operator_action_parts p
                where p.action_id = a.id and p.source_id = any ($2::uuid[])) as parts,
              (select coalesce(jsonb_agg(jsonb_build_object(
                        'at', ${instant("e.at")}, 'event', e.event, 'actor', left(e.actor, 200)) order by e.id), '[]')
                 from (select * from central.operator_action_events e
                        where e.action_id = a.id and e.event <> 'claimed' order by e.id desc limit 50) e) as steps
         from central.operator_actions a
        where a.id = any ($1::bigint[])
           or (a.started_at >= $3::timestamptz
               and exists (select from central.operator_action_parts p
                            where p.action_id = a.id and p.source_id = any ($2::uuid[])))
           or (a.action = any ($4::text[]) and a.selection ->> 'source' = any ($2::text[]))
           or (a.action = 'job-run' and a.selection ->> 'sourceId' = any ($2::text[])
               and a.started_at >= $5::timestamptz and a.started_at <= coalesce($6::timestamptz, 'infinity'))
        order by a.id desc
        limit ${most + 1}`,
      [named, sourceIds, since, ofSources, window.from, window.to],
    );
    central.tellCut(
      actions.length > most,
      `operators did more than ${most} things to these sources`,
    );
    const oldestFirst = actions.slice(0, most).toReversed();
    const selected = new Map<string, ReadonlySet<SourceRow>>();
    for (const action of oldestFirst) {
      const meant = new Set(
        deadLetters.filter((deadLetter) => isSelected(action, deadLetter, selected)),
      );
      selected.set(action.id, meant);
      const isNamed = named.includes(action.id);
      const isOfSource = action.parts.length === 0;
      if (isNamed || isOfSource || meant.size > 0)
        tellAction(central, action, messages, [...meant]);
    }
  });
}

function tellAction(
  central: CentralReader,
  action: Action,
  messages: readonly Message[],
  meant: readonly SourceRow[],
): void {
  const { id, kind, reason, steps, moved, error, selection } = action;
  const sourceId = action.parts[0]?.sourceId ?? selection.source ?? selection.sourceId;
  const source = messages.find((message) => message.sourceId === sourceId);
  const [deadLetter, ...others] = meant;
  const one = deadLetter !== undefined && others.length === 0 ? deadLetter : undefined;
  const perhaps = meant.some((row) => row.actionId !== id) && action.parts.some(isVague);
  const about =
    meant.length === 0
      ? ""
      : `${perhaps ? ", perhaps" : ""} of ${meant
          .map(({ deadLetterId }) => `dead letter ${deadLetterId}`)
          .slice(0, 3)
          .join(", ")}${meant.length > 3 ? ` and ${meant.length - 3} more` : ""}`;
  for (const { at, event, actor } of steps) {
    const what =
      event === "planned"
        ? `${kind}${about} planned by ${actor} (action ${id}): ${reason}`
        : event === "done"
          ? `${kind} done (action ${id}): ${moved} moved in all`
          : `${kind} ${event} (action ${id})${event === "failed" && error !== null ? `: ${error}` : ` by ${actor}`}`;
    const told: TraceEvent = {
      at,
      where: "action",
      what,
      source: source?.source ?? null,
      sourceId: source?.sourceId ?? null,
      actionId: id,
      ...(one === undefined ? {} : { queue: one.queue }),
      ...(one?.deadLetterId ? { deadLetterId: one.deadLetterId } : {}),
    };
    central.events.push(told);
  }
}

/** Whether a selection is by more than what a trace knows of a dead letter. */
function isVague({ selection }: Part): boolean {
  return ["text", "path", "fingerprint", "fingerprints"].some((name) => name in selection);
}

/**
 * Whether the selection of an action has a dead letter. A filter by text, path or group is not asked again: what it may have
 * had is taken for selected, and told as such.
 */
function isSelected(
  { kind, parts, startedAt }: Action,
  deadLetter: SourceRow,
  selected: ReadonlyMap<string, ReadonlySet<SourceRow>>,
): boolean {
  const { deadLetterId, id, reason, errorCode, diedAt, goneAt, sourceId, queue } = deadLetter;
  const part = parts.find((one) => one.sourceId === sourceId && one.queue === queue);
  if (part === undefined || diedAt === null || startedAt < diedAt) return false;
  // What was in the archive already was not moved again; only a restore takes from there.
  if (goneAt !== null && startedAt > goneAt) return false;
  const { ids, messageIds, reasons, codes, since, until, action } = part.selection as Selection;
  const has = (values: unknown, value: string | null) =>
    !Array.isArray(values) || (value !== null && values.map(String).includes(value));
  if (kind === "restore" && typeof action === "string") {
    const ofDiscard = selected.get(action);
    if (ofDiscard !== undefined && !ofDiscard.has(deadLetter)) return false;
  }
  return (
    kind !== "replay-archive" &&
    has(ids, deadLetterId) &&
    has(messageIds, id) &&
    has(reasons, reason) &&
    has(codes, errorCode) &&
    (typeof since !== "string" || diedAt >= since) &&
    (typeof until !== "string" || diedAt <= until)
  );
}

interface Selection {
  readonly ids?: unknown;
  readonly messageIds?: unknown;
  readonly reasons?: unknown;
  readonly codes?: unknown;
  readonly since?: unknown;
  readonly until?: unknown;
  readonly action?: unknown;
}
