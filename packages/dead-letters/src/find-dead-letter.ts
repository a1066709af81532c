import type { QueueName } from "@centralcloud/contracts";
import { isArchivedHere } from "@centralcloud/db";
import * as deadLetter from "./dead-letter-sql.ts";
import { DeadLetterNotFoundError, SelectionError } from "./errors.ts";
import { parseDeadLetterId } from "./filter.ts";
import { type CheckResult, type JudgeOptions, judgeMessage } from "./judge-message.ts";
import { type DeadLetterScope, type Place, placesOf } from "./place.ts";

/** A dead letter whole. Texts of JSON are as the database has them: no number in them was touched. */
export interface DeadLetter {
  readonly source: string;
  readonly sourceId: string;
  readonly queue: QueueName;
  readonly id: string;
  readonly at: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly error: string | null;
  /** What `--fingerprint` takes: the group that it is of. */
  readonly fingerprint: string;
  /** JSON text of the dead letter's body; null for SQL null. */
  readonly body: string | null;
  /** JSON text of the dead letter's own headers. */
  readonly headers: string | null;
  /** JSON text: `[{at, consumer, error: {code, message}}]`, oldest first; the last one is its death. */
  readonly history: string;
  readonly replayCount: number;
  /** The id that the message had in its queue when it was dead-lettered: what logs call `msgId`. */
  readonly messageId: string | null;
  /** The id under which the message was first sent. */
  readonly firstSentAs: string | null;
  /** The length of the original message's JSON text; null where the dead letter has none. */
  readonly originalBytes: number | null;
  /** What an operator did to it, when it is in the dead-letter queue no more. */
  readonly archived: ArchivedDeadLetter | null;
  readonly now: CheckResult;
}

export interface ArchivedDeadLetter {
  readonly at: string;
  /** `replay` or `discard`; null where it was archived by other means. */
  readonly action: string | null;
  readonly actionId: string | null;
  /** The message that a replay sent. */
  readonly newMessageId: string | null;
}

type Row = Omit<DeadLetter, "source" | "sourceId" | "queue" | "now" | "archived"> & ArchivedRow;
interface ArchivedRow {
  readonly archivedAt: string | null;
  readonly action: string | null;
  readonly actionId: string | null;
  readonly newMessageId: string | null;
  readonly original: string | null;
}

/** A dead letter that has the id that was asked for. */
export interface FoundDeadLetter {
  readonly place: Place;
  readonly row: Row;
  /** Whether it is in the archive, where replayed and discarded dead letters are. */
  readonly isArchived: boolean;
}

/** By which id a dead letter is asked for: its own, or that of its message. */
export type DeadLetterQuestion = { readonly id: string } | { readonly messageId: string };

/**
 * The one dead letter that is asked for: in a dead-letter queue, or else in the archive of one.
 *
 * @throws {SelectionError} where several places have a dead letter of this id.
 * @throws {DeadLetterNotFoundError}
 */
export async function findDeadLetter(
  scope: DeadLetterScope,
  id: string,
  options: JudgeOptions,
): Promise<DeadLetter> {
  return await chooseDeadLetter({ id }, await findDeadLetters(scope, { id }, options), options);
}

/** All dead letters that wait and are meant; where there are none, those that are archived. @throws {SelectionError} */
export async function findDeadLetters(
  scope: DeadLetterScope,
  question: DeadLetterQuestion,
  { maxMessageBytes }: JudgeOptions,
): Promise<readonly FoundDeadLetter[]> {
  for (const isArchived of [false, true]) {
    const found: FoundDeadLetter[] = [];
    for (const place of placesOf(scope)) {
      const rows = await readDeadLetters(place, isArchived, question, maxMessageBytes);
      found.push(...rows.map((row) => ({ place, row, isArchived })));
    }
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * The one of the dead letters that {@link findDeadLetters} found at several sources.
 *
 * @throws {SelectionError} where several are meant. {@link DeadLetterNotFoundError}
 */
export async function chooseDeadLetter(
  question: DeadLetterQuestion,
  found: readonly FoundDeadLetter[],
  options: JudgeOptions,
): Promise<DeadLetter> {
  const waiting = found.filter(({ isArchived }) => !isArchived);
  const candidates = waiting.length > 0 ? waiting : found;
  const [first] = candidates;
  if (first === undefined) throw new DeadLetterNotFoundError(describeAbsence(question));
  if (candidates.length > 1) throw severalDeadLetters(question, candidates);
  return await describe(first.place, first.row, options);
}

function describeAbsence(question: DeadLetterQuestion): string {
  if ("messageId" in question) {
    return `there is no dead letter of a message ${question.messageId}, neither waiting nor archived`;
  }
  const { id } = question;
  return `there is no dead letter ${id}, neither waiting nor archived; for the dead letter of the message ${id}, give --message-id ${id}`;
}

function severalDeadLetters(
  question: DeadLetterQuestion,
  found: readonly FoundDeadLetter[],
): SelectionError {
  if ("id" in question) return severalPlaces(`dead letter ${question.id}`, found);
  const deadLetters = found.map(
    ({ place, row }) => `dead letter ${row.id} in ${place.queue} of ${place.source.name}`,
  );
  return new SelectionError(
    `several dead letters hold a message ${question.messageId}; choose one by its own id: ${deadLetters.join(", ")}`,
  );
}

export function severalPlaces(
  deadLetter: string,
  found: readonly { readonly place: Place }[],
): SelectionError {
  const places = found.map(({ place }) => `${place.queue} of ${place.source.name}`).join(", ");
  return new SelectionError(
    `there is a ${deadLetter} in several places; choose one by queue and source: ${places}`,
  );
}

async function describe(place: Place, row: Row, options: JudgeOptions): Promise<DeadLetter> {
  const { archivedAt, action, actionId, newMessageId, original, ...rest } = row;
  const bytes = row.originalBytes ?? 0;
  return {
    source: place.source.name,
    sourceId: place.source.sourceId,
    queue: place.queue,
    ...rest,
    archived: archivedAt === null ? null : { at: archivedAt, action, actionId, newMessageId },
    now:
      row.originalBytes === null
        ? { accepted: false, contract: null, issues: [], note: "it has no original message" }
        : await judgeMessage(place, { text: original, bytes }, options),
  };
}

async function readDeadLetters(
  { source, queue, tables }: Place,
  isArchived: boolean,
  question: DeadLetterQuestion,
  maxBytes: number,
): Promise<readonly Row[]> {
  const ownId = "id" in question;
  const id = parseDeadLetterId(ownId ? question.id : question.messageId);
  const renumbered = "or (d.msg_id < 0 and d.headers ->> 'archived_msg_id' = $1::text)";
  const isMeant = ownId
    ? `(d.msg_id = $1::bigint ${isArchived ? renumbered : ""})`
    : `${deadLetter.messageId} = $1::text`;
  const { rows } = await source.pool.query<Row>(
    `select d.msg_id::text as id, ${deadLetter.storedInstant("d.enqueued_at")} as at,
            ${deadLetter.fingerprint(queue)} as fingerprint,
            ${deadLetter.reason} as reason, ${deadLetter.errorCode} as code, ${deadLetter.errorMessage} as error,
            d.message::text as body, d.headers::text as headers, ${deadLetter.history}::text as history,
            least(${deadLetter.replayCount}, 2147483647)::integer as "replayCount",
            ${deadLetter.messageId} as "messageId", ${deadLetter.firstSentAs}::text as "firstSentAs",
            octet_length(o.text) as "originalBytes",
            case when octet_length(o.text) <= $2 then o.text end as original,
            ${isArchived ? deadLetter.instant("d.archived_at") : "null"} as "archivedAt",
            d.headers ->> 'action' as action, d.headers ->> 'action_id' as "actionId",
            d.headers ->> 'new_msg_id' as "newMessageId"
       from ${tables[isArchived ? "deadLetterArchive" : "deadLetters"]} d
       left join lateral (select ${deadLetter.original}::text as text offset 0) o on true
      where ${isMeant} ${isArchived ? `and ${isArchivedHere("d")}` : ""}
      order by d.enqueued_at desc
      limit ${ownId || isArchived ? 1 : 2}`,
    [id, maxBytes],
  );
  return rows;
}
