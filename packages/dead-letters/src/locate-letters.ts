import type { QueueName } from "@centralcloud/contracts";
import { LetterNotFoundError } from "./errors.ts";
import { type LetterFilter, parseLetterId } from "./filter.ts";
import { severalPlaces } from "./find-letter.ts";
import type { Place } from "./place.ts";

/** A letter that an earlier action has moved. */
export interface SettledLetter {
  readonly source: string;
  readonly queue: QueueName;
  readonly id: string;
  readonly action: string;
  readonly actionId: string | null;
  readonly newMessageId: string | null;
}

/**
 * Where the letters are that an action names by id. Without ids, everywhere.
 *
 * @throws {SelectionError} where several places have a letter of one id.
 * @throws {LetterNotFoundError} where a letter is neither there nor moved by an earlier `action`.
 */
export async function locateLetters(
  places: readonly Place[],
  filter: LetterFilter,
  action: string,
): Promise<{
  readonly places: readonly Place[];
  readonly settledBefore: readonly SettledLetter[];
}> {
  if (filter.ids === undefined) return { places, settledBefore: [] };
  const ids = filter.ids.map(parseLetterId);
  const waiting = new Map<string, { place: Place }[]>();
  const archived = new Map<string, SettledLetter[]>();
  for (const place of places) {
    for (const id of await waitingIn(place, ids)) append(waiting, id, { place });
    for (const letter of await settledIn(place, ids)) append(archived, letter.id, letter);
  }
  const settledBefore: SettledLetter[] = [];
  const problems: string[] = [];
  for (const id of new Set(ids)) {
    const found = waiting.get(id) ?? [];
    if (found.length > 1) throw severalPlaces(id, found);
    if (found.length === 1) continue;
    const before = archived.get(id)?.at(0);
    if (before?.action === action) settledBefore.push(before);
    else problems.push(describeAbsence(id, before));
  }
  if (problems.length > 0) throw new LetterNotFoundError(problems.join("; "));
  const used = new Set([...waiting.values()].flat().map(({ place }) => place));
  return { places: places.filter((place) => used.has(place)), settledBefore };
}

const participles: Readonly<Record<string, string>> = { replay: "replayed", discard: "discarded" };

function describeAbsence(id: string, before: SettledLetter | undefined): string {
  if (before === undefined) return `there is no letter ${id}`;
  const done = participles[before.action] ?? "archived";
  const by = before.actionId === null ? "" : ` by action ${before.actionId}`;
  return `letter ${id} was ${done}${by} before, so it is not in the dead-letter queue`;
}

async function waitingIn({ source, tables }: Place, ids: readonly string[]) {
  const { rows } = await source.pool.query<{ id: string }>(
    `select d.msg_id::text as id from ${tables.letters} d where d.msg_id = any ($1::bigint[])`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

async function settledIn(
  { source, queue, tables }: Place,
  ids: readonly string[],
): Promise<readonly SettledLetter[]> {
  const { rows } = await source.pool.query<SettledLetter>(
    `select $2::text as source, $3::text as queue,
            case when d.msg_id < 0 then d.headers ->> 'archived_msg_id' else d.msg_id::text end as id,
            coalesce(d.headers ->> 'action', '') as action, d.headers ->> 'action_id' as "actionId",
            d.headers ->> 'new_msg_id' as "newMessageId"
       from ${tables.letterArchive} d
      where d.msg_id = any ($1::bigint[])
         or (d.msg_id < 0 and d.headers ->> 'archived_msg_id' = any ($1::bigint[]::text[]))
      order by d.archived_at desc`,
    [ids, source.name, queue],
  );
  return rows;
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
