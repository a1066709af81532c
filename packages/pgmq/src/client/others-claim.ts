import type { ReadLimits, ReadTurn } from "./message.ts";
import type { Queryable } from "./queryable.ts";
import { queueTable } from "./queue-table.ts";

type UnlessOthers = NonNullable<ReadTurn["unlessOthers"]>;

/** The parameters of a statement, in its order: `$1` and so on. */
interface Places {
  readonly visibilityTimeoutS: string;
  readonly claimed: string;
  readonly withinMs: string;
}

/**
 * A query whose only column, `claim`, says whether others have claimed so much just now. What they claimed just now,
 * or since the statement began, has about all of its visibility timeout before it; what is only sent with such a
 * delay was never read. Where `claimed` is null nobody asks, and nothing is looked at.
 */
export function whetherOthersClaim(queue: string, places: Places): string {
  const { visibilityTimeoutS, claimed, withinMs } = places;
  const from = `statement_timestamp() + make_interval(secs => ${visibilityTimeoutS} - ${withinMs}::float8 / 1000)`;
  const to = `statement_timestamp() + make_interval(secs => ${visibilityTimeoutS} + ${withinMs}::float8 / 1000)`;
  return `select count(*) >= ${claimed}::integer as claim
            from (select from ${queueTable(queue, "q")} c
                   where ${claimed}::integer is not null
                     and c.vt between ${from} and ${to}
                     and c.read_ct > 0
                   order by c.vt desc
                   limit ${claimed}::integer) c`;
}

/** Whether others have claimed so much just now: for those who rest, at a fifth of what a turned away read costs. */
export async function othersClaim(
  db: Queryable,
  queue: string,
  { visibilityTimeoutS }: ReadLimits,
  { claimed, withinMs }: UnlessOthers,
): Promise<boolean> {
  const { rows } = await db.query<{ readonly claim: boolean }>(
    whetherOthersClaim(queue, { visibilityTimeoutS: "$1", claimed: "$2", withinMs: "$3" }),
    [visibilityTimeoutS, claimed, withinMs],
  );
  return rows[0]?.claim ?? false;
}
