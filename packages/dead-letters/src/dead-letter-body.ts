import type { QueueName } from "@centralcloud/contracts";
import { parseDeadLetterId } from "./filter.ts";
import { type DeadLetterSource, type Place, placeOf } from "./place.ts";

/** Some characters of the JSON text of a dead letter, which may be as long as PostgreSQL takes it. */
export interface DeadLetterBody {
  /** As the database has it: no number in it was touched. */
  readonly text: string;
  /** Of the whole body, in bytes of its text. */
  readonly bytes: number;
  /** Its characters; where the next part begins is told by `next`. */
  readonly characters: number;
  /** Given as `from`, it gets the next part; null at the end. */
  readonly next: number | null;
}

export interface DeadLetterBodyRequest {
  /** The dead letter's own id. */
  readonly id: string;
  /** Whether it is in the archive of its queue: replayed or discarded. Default: no. */
  readonly isArchived?: boolean;
}

/** Bytes of one part at most, as they are in UTF-8. */
export const maxBodyBytes = 256 * 1024;

/** A character takes four bytes at most. */
const charactersOfPart = maxBodyBytes / 4;

/**
 * A part of the body of one dead letter; undefined where there is none of that id.
 *
 * @param from characters that are left out before it, from 0.
 * @throws {SelectionError} where the id is none.
 */
export async function readDeadLetterBody(
  { source, tables }: Place,
  { id, isArchived = false }: DeadLetterBodyRequest,
  from = 0,
): Promise<DeadLetterBody | undefined> {
  const { rows } = await source.pool.query<DeadLetterBody & { text: string }>(
    `select substr(b.text, $2::integer + 1, ${charactersOfPart}) as text, octet_length(b.text)::double precision as bytes,
            length(b.text)::double precision as characters,
            case when length(b.text) > $2::integer + ${charactersOfPart} then $2::integer + ${charactersOfPart} end as next
       from ${tables[isArchived ? "deadLetterArchive" : "deadLetters"]} d
      cross join lateral (select coalesce(d.message::text, 'null') as text offset 0) b
      where d.msg_id = $1::bigint`,
    [parseDeadLetterId(id), from],
  );
  return rows[0];
}

/** The body of one dead letter, part by part, so that none is held whole; nothing where there is none of that id. */
export async function* streamDeadLetterBody(
  place: Place,
  request: DeadLetterBodyRequest,
): AsyncGenerator<string> {
  let from: number | null = 0;
  while (from !== null) {
    const part: DeadLetterBody | undefined = await readDeadLetterBody(place, request, from);
    if (part === undefined) return;
    yield part.text;
    from = part.next;
  }
}

/** A dead letter of an id, in its queue or in the archive. */
export interface LocatedDeadLetter {
  readonly queue: QueueName;
  readonly isArchived: boolean;
}

/** Where the queues of one source have a dead letter of this id: those that wait first. @throws {SelectionError} */
export async function locateDeadLetterBodies(
  source: DeadLetterSource,
  queues: readonly QueueName[],
  id: string,
): Promise<readonly LocatedDeadLetter[]> {
  const values = [parseDeadLetterId(id)];
  const selects = queues.flatMap((queue) => {
    const { deadLetters, deadLetterArchive } = placeOf(source, queue).tables;
    return [false, true].map(
      (isArchived) =>
        `select '${queue}' as queue, ${isArchived} as "isArchived" from ${isArchived ? deadLetterArchive : deadLetters} d where d.msg_id = $1::bigint`,
    );
  });
  const { rows } = await source.pool.query<LocatedDeadLetter>(
    `${selects.join(" union all ")} order by "isArchived", queue`,
    values,
  );
  return rows;
}
