import type { PoolClient } from "pg";
import type { DeadLetterKey } from "./cursor.ts";
import * as deadLetter from "./dead-letter-sql.ts";
import type { ResolvedFilter } from "./filter.ts";
import type { Place } from "./place.ts";

/** A dead letter that the transaction has locked. */
export interface LockedDeadLetter extends DeadLetterKey {
  /** Whether there is a message to send again. */
  readonly hasOriginal: boolean;
  /** What the dead letter says of the message's identity, in whatever form. */
  readonly originalId: string | null;
  readonly originalEnqueuedAt: string | null;
  readonly storedBytes: number;
}

/** Rows beyond this many bytes are left for the next chunk, so that no transaction grows without end. */
const maxChunkBytes = 64 * 1024 * 1024;

/**
 * Locks the next dead letters, oldest first. Those that another operator has locked are passed over, or waited for.
 */
export async function lockDeadLetters(
  client: PoolClient,
  { queue, tables }: Place,
  filter: ResolvedFilter,
  {
    after,
    limit,
    waits,
  }: {
    readonly after: DeadLetterKey | undefined;
    readonly limit: number;
    readonly waits: boolean;
  },
): Promise<readonly LockedDeadLetter[]> {
  const values = new deadLetter.Values();
  const conditions = [deadLetter.conditionsOf(filter, values, queue)];
  if (after !== undefined) conditions.push(deadLetter.comparedWith(after, values));
  const { rows } = await client.query<LockedDeadLetter>(
    `select d.msg_id::text as id, ${deadLetter.storedInstant("d.enqueued_at")} as at,
            ${deadLetter.hasOriginal} as "hasOriginal",
            left(${deadLetter.messageId}, 40) as "originalId",
            left(${deadLetter.enqueuedAt}, 40) as "originalEnqueuedAt",
            ${deadLetter.storedBytes} as "storedBytes"
       from ${tables.deadLetters} d
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
