import type { QueueName } from "@centralcloud/contracts";
import { isArchivedHere } from "@centralcloud/db";
import { messageId } from "./dead-letter-sql.ts";
import { DeadLetterNotFoundError } from "./errors.ts";
import { type DeadLetterFilter, parseDeadLetterId } from "./filter.ts";
import { severalPlaces } from "./find-dead-letter.ts";
import type { Place } from "./place.ts";

/** A dead letter that an earlier action has moved. */
export interface SettledDeadLetter {
  readonly source: string;
  readonly queue: QueueName;
  readonly id: string;
  readonly action: string;
  readonly actionId: string | null;
  readonly newMessageId: string | null;
}

/** How an action names dead letters: by their own ids, or by those that their messages had. */
interface Naming {
  readonly ids: readonly string[];
  readonly noun: "dead letter" | "dead letter of the message";
  /** Of a dead letter `d` in its queue: its id, and which dead letters are named; of one in the archive likewise. */
  readonly waiting: { readonly name: string; readonly isNamed: string };
  readonly archived: { readonly name: string; readonly isNamed: string };
}

/** An id that the archive had already was replaced by a negative one. */
const archivedId =
  "case when d.msg_id < 0 then d.headers ->> 'archived_msg_id' else d.msg_id::text end";

function namingOf({ ids, messageIds }: DeadLetterFilter): Naming | undefined {
  if (ids !== undefined) {
    const isNamed = "d.msg_id = any ($1::bigint[])";
    const isRenumbered =
      "d.msg_id < 0 and d.headers ->> 'archived_msg_id' = any ($1::bigint[]::text[])";
    return {
      ids: ids.map(parseDeadLetterId),
      noun: "dead letter",
      waiting: { name: "d.msg_id::text", isNamed },
      archived: { name: archivedId, isNamed: `${isNamed} or (${isRenumbered})` },
    };
  }
  if (messageIds === undefined) return undefined;
  const byMessage = { name: messageId, isNamed: `${messageId} = any ($1::text[])` };
  return {
    ids: messageIds.map(parseDeadLetterId),
    noun: "dead letter of the message",
    waiting: byMessage,
    archived: byMessage,
  };
}

/**
 * Where the dead letters are that an action names by id. Without ids, everywhere.
 *
 * @throws {SelectionError} where several places have a dead letter of one id.
 * @throws {DeadLetterNotFoundError} where a dead letter is neither there nor moved by an earlier `action`.
 */
export async function locateDeadLetters(
  places: readonly Place[],
  filter: DeadLetterFilter,
  action: string,
): Promise<{
  readonly places: readonly Place[];
  readonly settledBefore: readonly SettledDeadLetter[];
}> {
  const naming = namingOf(filter);
  if (naming === undefined) return { places, settledBefore: [] };
  const waiting = new Map<string, { place: Place }[]>();
  const archived = new Map<string, SettledDeadLetter[]>();
  for (const place of places) {
    for (const name of await waitingIn(place, naming)) append(waiting, name, { place });
    for (const { name, ...deadLetter } of await settledIn(place, naming))
      append(archived, name, deadLetter);
  }
  const settledBefore: SettledDeadLetter[] = [];
  const problems: string[] = [];
  for (const id of new Set(naming.ids)) {
    const found = waiting.get(id) ?? [];
    if (found.length > 1) throw severalPlaces(`${naming.noun} ${id}`, found);
    if (found.length === 1) continue;
    const before = archived.get(id)?.at(0);
    if (before?.action === action) settledBefore.push(before);
    else problems.push(describeAbsence(`${naming.noun} ${id}`, before));
  }
  if (problems.length > 0) throw new DeadLetterNotFoundError(problems.join("; "));
  const used = new Set([...waiting.values()].flat().map(({ place }) => place));
  return { places: places.filter((place) => used.has(place)), settledBefore };
}

const participles: Readonly<Record<string, string>> = { replay: "replayed", discard: "discarded" };

function describeAbsence(deadLetter: string, before: SettledDeadLetter | undefined): string {
  if (before === undefined) return `there is no ${deadLetter}`;
  const done = participles[before.action] ?? "archived";
  const by = before.actionId === null ? "" : ` by action ${before.actionId}`;
  return `${deadLetter} was ${done}${by} before, so it is not in the dead-letter queue`;
}

async function waitingIn({ source, tables }: Place, { ids, waiting }: Naming) {
  const { rows } = await source.pool.query<{ name: string }>(
    `select distinct ${waiting.name} as name from ${tables.deadLetters} d where ${waiting.isNamed}`,
    [ids],
  );
  return rows.map(({ name }) => name);
}

async function settledIn(
  { source, queue, tables }: Place,
  { ids, archived }: Naming,
): Promise<readonly (SettledDeadLetter & { readonly name: string })[]> {
  const { rows } = await source.pool.query<SettledDeadLetter & { readonly name: string }>(
    `select $2::text as source, $3::text as queue, ${archived.name} as name, ${archivedId} as id,
            coalesce(d.headers ->> 'action', '') as action, d.headers ->> 'action_id' as "actionId",
            d.headers ->> 'new_msg_id' as "newMessageId"
       from ${tables.deadLetterArchive} d
      where (${archived.isNamed}) and ${isArchivedHere("d")}
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
