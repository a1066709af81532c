import type { QueueName } from "@centralcloud/contracts";
import { isArchivedHere } from "@centralcloud/db";
import { LetterNotFoundError, SelectionError } from "./errors.ts";
import { parseLetterId } from "./filter.ts";
import { type Judgement, type JudgeOptions, judgeMessage } from "./judge-message.ts";
import * as letter from "./letter-sql.ts";
import { type LetterScope, type Place, placesOf } from "./place.ts";

/** A letter whole. Texts of JSON are as the database has them: no number in them was touched. */
export interface Letter {
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
  /** JSON text of the letter's body; null for SQL null. */
  readonly body: string | null;
  /** JSON text of the letter's own headers. */
  readonly headers: string | null;
  /** JSON text: `[{at, consumer, error: {code, message}}]`, oldest first; the last one is its death. */
  readonly history: string;
  readonly replayCount: number;
  /** The id that the message had in its queue when it was dead-lettered: what logs call `msgId`. */
  readonly messageId: string | null;
  /** The id under which the message was first sent. */
  readonly firstSentAs: string | null;
  /** The length of the original message's JSON text; null where the letter has none. */
  readonly originalBytes: number | null;
  /** What an operator did to it, when it is in the dead-letter queue no more. */
  readonly archived: ArchivedLetter | null;
  readonly now: Judgement;
}

export interface ArchivedLetter {
  readonly at: string;
  /** `replay` or `discard`; null where it was archived by other means. */
  readonly action: string | null;
  readonly actionId: string | null;
  /** The message that a replay sent. */
  readonly newMessageId: string | null;
}

type Row = Omit<Letter, "source" | "sourceId" | "queue" | "now" | "archived"> & ArchivedRow;
interface ArchivedRow {
  readonly archivedAt: string | null;
  readonly action: string | null;
  readonly actionId: string | null;
  readonly newMessageId: string | null;
  readonly original: string | null;
}

/** A letter that has the id that was asked for. */
export interface FoundLetter {
  readonly place: Place;
  readonly row: Row;
  /** Whether it is in the archive, where replayed and discarded letters are. */
  readonly isArchived: boolean;
}

/** By which id a letter is asked for: its own, or that of its message. */
export type LetterQuestion = { readonly id: string } | { readonly messageId: string };

/**
 * The one letter that is asked for: in a dead-letter queue, or else in the archive of one.
 *
 * @throws {SelectionError} where several places have a letter of this id.
 * @throws {LetterNotFoundError}
 */
export async function findLetter(
  scope: LetterScope,
  id: string,
  options: JudgeOptions,
): Promise<Letter> {
  return await chooseLetter({ id }, await findLetters(scope, { id }, options), options);
}

/** All letters that wait and are meant; where there are none, those that are archived. @throws {SelectionError} */
export async function findLetters(
  scope: LetterScope,
  question: LetterQuestion,
  { maxMessageBytes }: JudgeOptions,
): Promise<readonly FoundLetter[]> {
  for (const isArchived of [false, true]) {
    const found: FoundLetter[] = [];
    for (const place of placesOf(scope)) {
      const rows = await readLetters(place, isArchived, question, maxMessageBytes);
      found.push(...rows.map((row) => ({ place, row, isArchived })));
    }
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * The one of the letters that {@link findLetters} found at several sources.
 *
 * @throws {SelectionError} where several are meant. {@link LetterNotFoundError}
 */
export async function chooseLetter(
  question: LetterQuestion,
  found: readonly FoundLetter[],
  options: JudgeOptions,
): Promise<Letter> {
  const waiting = found.filter(({ isArchived }) => !isArchived);
  const candidates = waiting.length > 0 ? waiting : found;
  const [first] = candidates;
  if (first === undefined) throw new LetterNotFoundError(describeAbsence(question));
  if (candidates.length > 1) throw severalLetters(question, candidates);
  return await describe(first.place, first.row, options);
}

function describeAbsence(question: LetterQuestion): string {
  if ("messageId" in question) {
    return `there is no dead letter of a message ${question.messageId}, neither waiting nor archived`;
  }
  const { id } = question;
  return `there is no dead letter ${id}, neither waiting nor archived; for the dead letter of the message ${id}, give --message-id ${id}`;
}

function severalLetters(question: LetterQuestion, found: readonly FoundLetter[]): SelectionError {
  if ("id" in question) return severalPlaces(`dead letter ${question.id}`, found);
  const letters = found.map(
    ({ place, row }) => `dead letter ${row.id} in ${place.queue} of ${place.source.name}`,
  );
  return new SelectionError(
    `several dead letters hold a message ${question.messageId}; choose one by its own id: ${letters.join(", ")}`,
  );
}

export function severalPlaces(
  letter: string,
  found: readonly { readonly place: Place }[],
): SelectionError {
  const places = found.map(({ place }) => `${place.queue} of ${place.source.name}`).join(", ");
  return new SelectionError(
    `there is a ${letter} in several places; choose one by queue and source: ${places}`,
  );
}

async function describe(place: Place, row: Row, options: JudgeOptions): Promise<Letter> {
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

async function readLetters(
  { source, queue, tables }: Place,
  isArchived: boolean,
  question: LetterQuestion,
  maxBytes: number,
): Promise<readonly Row[]> {
  const ownId = "id" in question;
  const id = parseLetterId(ownId ? question.id : question.messageId);
  const renumbered = "or (d.msg_id < 0 and d.headers ->> 'archived_msg_id' = $1::text)";
  const isMeant = ownId
    ? `(d.msg_id = $1::bigint ${isArchived ? renumbered : ""})`
    : `${letter.messageId} = $1::text`;
  const { rows } = await source.pool.query<Row>(
    `select d.msg_id::text as id, ${letter.storedInstant("d.enqueued_at")} as at,
            ${letter.fingerprint(queue)} as fingerprint,
            ${letter.reason} as reason, ${letter.errorCode} as code, ${letter.errorMessage} as error,
            d.message::text as body, d.headers::text as headers, ${letter.history}::text as history,
            least(${letter.replayCount}, 2147483647)::integer as "replayCount",
            ${letter.messageId} as "messageId", ${letter.firstSentAs}::text as "firstSentAs",
            octet_length(o.text) as "originalBytes",
            case when octet_length(o.text) <= $2 then o.text end as original,
            ${isArchived ? letter.instant("d.archived_at") : "null"} as "archivedAt",
            d.headers ->> 'action' as action, d.headers ->> 'action_id' as "actionId",
            d.headers ->> 'new_msg_id' as "newMessageId"
       from ${tables[isArchived ? "letterArchive" : "letters"]} d
       left join lateral (select ${letter.original}::text as text offset 0) o on true
      where ${isMeant} ${isArchived ? `and ${isArchivedHere("d")}` : ""}
      order by d.enqueued_at desc
      limit ${ownId || isArchived ? 1 : 2}`,
    [id, maxBytes],
  );
  return rows;
}
