import type { PoolClient } from "pg";
import type { LetterKey } from "./cursor.ts";
import type { ResolvedFilter } from "./filter.ts";
import * as letter from "./letter-sql.ts";
import type { Place } from "./place.ts";

/** A letter that the transaction has locked. */
export interface LockedLetter extends LetterKey {
  /** Whether there is a message to send again. */
  readonly hasOriginal: boolean;
  /** What the letter says of the message's identity, in whatever form. */
  readonly originalId: string | null;
  readonly originalEnqueuedAt: string | null;
  readonly storedBytes: number;
}

/** Rows beyond this many bytes are left for the next chunk, so that no transaction grows without end. */
const maxChunkBytes = 64 * 1024 * 1024;

/**
 * Locks the next letters, oldest first. Those that another operator has locked are passed over, or waited for.
 */
export async function lockLetters(
  client: PoolClient,
  { queue, tables }: Place,
  filter: ResolvedFilter,
  {
    after,
    limit,
    waits,
  }: {
    readonly after: LetterKey | undefined;
    readonly limit: number;
    readonly waits: boolean;
  },
): Promise<readonly LockedLetter[]> {
  const values = new letter.Values();
  const conditions = [letter.conditionsOf(filter, values, queue)];
  if (after !== undefined) conditions.push(letter.comparedWith(after, values));
  const { rows } = await client.query<LockedLetter>(
    `select d.msg_id::text as id, ${letter.storedInstant("d.enqueued_at")} as at,
            ${letter.hasOriginal} as "hasOriginal",
            left(${letter.messageId}, 40) as "originalId",
            left(${letter.enqueuedAt}, 40) as "originalEnqueuedAt",
            ${letter.storedBytes} as "storedBytes"
       from ${tables.letters} d
      where ${conditions.join("\n        and ")}
      order by d.enqueued_at, d.msg_id
      limit ${values.add(limit)}
        for update of d ${waits ? "" : "skip locked"}`,
    values.all,
  );
  return withinChunk(rows);
}

/** As many of the first rows as a transaction may move, and one in any case. */
export function withinChunk<Row extends { readonly storedBytes: number }>(
  rows: readonly Row[],
): readonly Row[] {
  let bytes = 0;
  return rows.filter(({ storedBytes }, index) => {
    bytes += storedBytes;
    return index === 0 || bytes <= maxChunkBytes;
  });
}
