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
            left(d.message ->> 'original_message_id', 40) as "originalId",
            left(d.message ->> 'original_enqueued_at', 40) as "originalEnqueuedAt",
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

/**
 * The values of an archive's row for a letter `g`, for `insert into … (msg_id, vt, read_ct, enqueued_at,
 * message, headers)`. An id that the archive has already, from before the queue was recreated, is
 * replaced by a free negative one.
 *
 * @param added an expression: what its headers get to say.
 */
export function archivedRow({ tables }: Place, added: string): string {
  const archive = tables.letterArchive;
  const taken = `exists (select from ${archive} x where x.msg_id = g.msg_id)`;
  return `
    case when ${taken}
         then (select least(min(x.msg_id), 0) from ${archive} x) - row_number() over (order by g.msg_id)
         else g.msg_id end,
    g.vt, g.read_ct, g.enqueued_at, g.message,
    case when g.headers is null then '{}'
         when jsonb_typeof(g.headers) = 'object' then g.headers
         else jsonb_build_object('headers', g.headers) end
      || case when ${taken} then jsonb_build_object('archived_msg_id', g.msg_id) else '{}' end
      || ${added}`;
}

/** Newer versions of pgmq tell when a message was last read; where both tables do, it is one column more. */
export async function lastReadColumn(
  client: PoolClient,
  { tables }: Place,
): Promise<(alias?: string) => string> {
  const { rows } = await client.query<{ found: boolean }>(
    `select count(*) = 2 as found
       from pg_attribute a
      where a.attrelid in ($1::regclass, $2::regclass) and a.attname = 'last_read_at' and not a.attisdropped`,
    [tables.letters, tables.letterArchive],
  );
  if (!rows[0]?.found) return () => "";
  return (alias) => (alias === undefined ? ", last_read_at" : `, ${alias}.last_read_at`);
}
