import type { QueueName } from "@centralcloud/contracts";
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
  /** JSON text of the letter's body; null for SQL null. */
  readonly body: string | null;
  /** JSON text of the letter's own headers. */
  readonly headers: string | null;
  /** JSON text: `[{at, consumer, error: {code, message}}]`, oldest first; the last one is its death. */
  readonly history: string;
  readonly replayCount: number;
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

/**
 * The one letter of this id: in a dead-letter queue, or else in the archive of one, where replayed and
 * discarded letters are.
 *
 * @throws {SelectionError} where several places have a letter of this id.
 * @throws {LetterNotFoundError}
 */
export async function findLetter(
  scope: LetterScope,
  text: string,
  options: JudgeOptions,
): Promise<Letter> {
  const id = parseLetterId(text);
  for (const table of ["letters", "letterArchive"] as const) {
    const found: { readonly place: Place; readonly row: Row }[] = [];
    for (const place of placesOf(scope)) {
      const row = await readLetter(place, table, id, options.maxMessageBytes);
      if (row !== undefined) found.push({ place, row });
    }
    const [first] = found;
    if (first === undefined) continue;
    if (found.length > 1) throw severalPlaces(id, found);
    return await describe(first.place, first.row, options);
  }
  throw new LetterNotFoundError(`there is no letter ${id}, neither waiting nor archived`);
}

export function severalPlaces(
  id: string,
  found: readonly { readonly place: Place }[],
): SelectionError {
  const places = found.map(({ place }) => `${place.queue} of ${place.source.name}`).join(", ");
  return new SelectionError(
    `there is a letter ${id} in several places; choose one by queue and source: ${places}`,
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
        : await judgeMessage(place.queue, { text: original, bytes }, options),
  };
}

async function readLetter(
  { source, tables }: Place,
  table: "letters" | "letterArchive",
  id: string,
  maxBytes: number,
): Promise<Row | undefined> {
  const archived = table === "letterArchive";
  const { rows } = await source.pool.query<Row>(
    `select d.msg_id::text as id, ${letter.instant("d.enqueued_at")} as at,
            ${letter.reason} as reason, ${letter.errorCode} as code, ${letter.errorMessage} as error,
            d.message::text as body, d.headers::text as headers, ${letter.history}::text as history,
            least(${letter.replayCount}, 2147483647)::integer as "replayCount",
            ${letter.firstSentAs}::text as "firstSentAs",
            octet_length(o.text) as "originalBytes",
            case when octet_length(o.text) <= $2 then o.text end as original,
            ${archived ? letter.instant("d.archived_at") : "null"} as "archivedAt",
            d.headers ->> 'action' as action, d.headers ->> 'action_id' as "actionId",
            d.headers ->> 'new_msg_id' as "newMessageId"
       from ${tables[table]} d
       left join lateral (select ${letter.original}::text as text offset 0) o on true
      where d.msg_id = $1
         ${archived ? "or (d.msg_id < 0 and d.headers ->> 'archived_msg_id' = $1::text)" : ""}
      order by d.enqueued_at desc
      limit 1`,
    [id, maxBytes],
  );
  return rows[0];
}
