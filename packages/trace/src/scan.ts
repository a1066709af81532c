import type { Pool, QueryResultRow } from "pg";
import { ask, type Budget, BudgetSpentError, partialReason } from "./budget.ts";

/*
 * Queues and archives have no index by agent, session or header. They are searched along an index that they have,
 * a chunk at a time, for as long as there is time; and where that ends is told.
 */

/** A table, and the indexed column along which it is searched. */
export interface ScanPlan {
  readonly table: string;
  readonly column: "archived_at" | "enqueued_at" | "msg_id";
  /** Where it begins and ends; both belong to it; null: at the end of the table. */
  readonly from: string | null;
  readonly to: string | null;
  /** From the oldest on, rather than from the newest. */
  readonly isForward: boolean;
  /** Expressions over a row `d`. */
  readonly columns: string;
  readonly condition: string;
  /** What gives the rows `d` between two values of the column, both of which belong to it; default: the table. */
  readonly rowsBetween?: (first: string, last: string) => string;
  /** Of the condition and the columns, from $4 on. */
  readonly values: readonly unknown[];
  /** Stops at the end of the first chunk that has any. */
  readonly untilFound?: boolean;
}

export interface Scanned<Row> {
  readonly rows: readonly Row[];
  /** What was not searched, as values of the column, and why; undefined where nothing is left. */
  readonly left?: {
    readonly from: string | null;
    readonly to: string | null;
    readonly why: string;
  };
}

/** Rows that are looked at in the first chunk, and at most. */
const chunk = { first: 2_000, most: 64_000 };
/** A chunk that took less time than this, in milliseconds, is followed by one twice as large. */
const fastMs = 150;
/** Rows that one table gives at most. */
export const mostRows = 500;

/** @param mostChunks ends after so many, as if that had been all. */
export async function scan<Row extends QueryResultRow>(
  pool: Pool,
  budget: Budget,
  plan: ScanPlan,
  mostChunks = Number.POSITIVE_INFINITY,
): Promise<Scanned<Row>> {
  const rows: Row[] = [];
  let size = chunk.first;
  let place = plan.isForward ? plan.from : plan.to;
  let isFirst = true;
  const rest = (why: string): Scanned<Row> => {
    const left = plan.isForward ? { from: place, to: plan.to } : { from: plan.from, to: place };
    return { rows, left: { ...left, why } };
  };
  for (let chunks = 0; chunks < mostChunks; chunks++) {
    const startedAt = performance.now();
    let found: Chunk<Row>;
    try {
      found = await readChunk<Row>(pool, budget, plan, { place, isFirst, size });
    } catch (error) {
      const why = partialReason(error);
      if (why === undefined) throw error;
      return rest(error instanceof BudgetSpentError ? "there was no time left" : why);
    }
    rows.push(...found.rows);
    if (found.isFull) return rest(`more than ${mostRows} were found`);
    if (found.edge === null || (plan.untilFound && rows.length > 0)) return { rows };
    place = found.edge;
    isFirst = false;
    if (rows.length >= mostRows) return rest(`more than ${mostRows} were found`);
    if (performance.now() - startedAt < fastMs) size = Math.min(2 * size, chunk.most);
  }
  return { rows };
}

interface Chunk<Row> {
  readonly rows: readonly Row[];
  /** The last value that was looked at; null at the end. */
  readonly edge: string | null;
  readonly isFull: boolean;
}

/** All rows of one value belong to one chunk, so that the next one begins behind it. */
async function readChunk<Row extends QueryResultRow>(
  pool: Pool,
  budget: Budget,
  { table, column, from, to, isForward, columns, condition, values, rowsBetween }: ScanPlan,
  { place, isFirst, size }: { place: string | null; isFirst: boolean; size: number },
): Promise<Chunk<Row>> {
  const type = column === "msg_id" ? "bigint" : "timestamptz";
  const least = column === "msg_id" ? "'-9223372036854775808'" : "'-infinity'";
  const most = column === "msg_id" ? "'9223372036854775807'" : "'infinity'";
  const [start, end] = isForward ? [isFirst ? ">=" : ">", "<="] : [isFirst ? "<=" : "<", ">="];
  const [startValue, endValue] = isForward ? [least, most] : [most, least];
  const limit = `coalesce($2::${type}, ${endValue}::${type})`;
  const order = isForward ? "asc" : "desc";
  const last = `coalesce((select value from edge), ${limit})`;
  const first = `coalesce($1::${type}, ${startValue}::${type})`;
  const begins = `d.${column} ${start} ${first}`;
  const rowsOf = rowsBetween ?? (() => `${table} d`);
  const text = `
    with edge as materialized (
      select (select d.${column} from ${table} d
               where ${begins} and d.${column} ${end} ${limit}
               order by d.${column} ${order} offset $3 - 1 limit 1) as value
    )
    select e.value::text as scan_edge, f.*
      from edge e
      left join lateral (
        select true as scan_found, ${columns}
          from ${isForward ? rowsOf(first, last) : rowsOf(last, first)}
         where ${begins} and d.${column} ${end} ${last} and (${condition})
         limit ${mostRows + 1}
      ) f on true`;
  const found = await ask<Row & { scan_edge: string | null; scan_found: boolean | null }>(
    pool,
    budget,
    text,
    [place, isForward ? to : from, size, ...values],
  );
  const rows = found.filter((row) => row.scan_found === true);
  return {
    rows: rows.slice(0, mostRows),
    edge: found[0]?.scan_edge ?? null,
    isFull: rows.length > mostRows,
  };
}
