import { deadLetterSql } from "@centralcloud/dead-letters";
import { parseLsn } from "@centralcloud/postgres";
import type { QueryResultRow } from "pg";
import type { CentralReader } from "./central-reader.ts";
import type { TraceWindow } from "./question.ts";

/* What the change log, and the central store itself, can't know: where nothing was captured, or something was lost. */

const { instant } = deadLetterSql;

interface Mark extends QueryResultRow {
  readonly sourceId: string;
  readonly at: string;
  readonly operation: "begin" | "gap" | "end";
  readonly table: string | null;
  /** Where the gap began, in the source's log. */
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string | null;
}

interface Cursor extends QueryResultRow {
  readonly sourceId: string;
  readonly until: string;
  readonly lost: string | null;
  readonly fault: string | null;
  readonly isBehind: boolean;
}

/** A source whose changes are asked about. */
export interface CapturedSource {
  readonly sourceId: string;
  readonly source: string;
  /** Whether something of it is told, so that it matters where nothing at all is captured of it. */
  readonly isInvolved: boolean;
}

/** Marks that are read at most. */
const mostMarks = 1_000;

/** A capture that is behind by less says nothing: heartbeats come every ten seconds. */
const behindS = 120;

export async function readGaps(
  central: CentralReader,
  sources: readonly CapturedSource[],
  window: TraceWindow,
): Promise<void> {
  const ids = sources.map(({ sourceId }) => sourceId);
  await central.partly("where the change log has gaps", async () => {
    const marks = await central.ask<Mark>(
      `select c.source_id::text as "sourceId", ${instant("c.committed_at")} as at, c.operation,
              left(c.new_values ->> 'table', 200) as "table", left(c.new_values ->> 'from', 20) as "from",
              left(c.new_values ->> 'to', 20) as "to", left(c.new_values ->> 'reason', 500) as reason
         from central.change_log c
        where c.table_name = '*' and c.source_id = any ($1::uuid[])
        order by c.committed_at, c.lsn
        limit ${mostMarks}`,
      [ids],
    );
    const cursors = await central.ask<Cursor>(
      `select c.source_id::text as "sourceId", ${instant("c.source_time")} as until, left(c.lost_reason, 500) as lost,
              left(c.fault, 500) as fault,
              c.source_time < clock_timestamp() - interval '${behindS} seconds' as "isBehind"
         from central.capture_cursors c where c.source_id = any ($1::uuid[])`,
      [ids],
    );
    const [log] = await central.ask<{ oldest: string | null }>(
      `select ${instant("min(to_date(right(p.relname, 8), 'YYYYMMDD'))::timestamp at time zone 'UTC'")} as oldest
         from pg_catalog.pg_inherits i
         join pg_catalog.pg_class p on p.oid = i.inhrelid
        where i.inhparent = 'central.change_log'::regclass and p.relname ~ '^change_log_\\d{8}$'`,
      [],
    );
    for (const one of sources) {
      const own = marks.filter(({ sourceId }) => sourceId === one.sourceId);
      const cursor = cursors.find(({ sourceId }) => sourceId === one.sourceId);
      await tellCapture(central, one, own, { cursor, oldest: log?.oldest ?? null, window });
    }
  });
  await central.partly("whether the central store lost something", () =>
    readLosses(central, ids, window),
  );
}

interface Known {
  readonly cursor: Cursor | undefined;
  /** The first day that the log still has. */
  readonly oldest: string | null;
  readonly window: TraceWindow;
}

async function tellCapture(
  central: CentralReader,
  { source, isInvolved }: CapturedSource,
  marks: readonly Mark[],
  { cursor, oldest, window }: Known,
): Promise<void> {
  const tell = (why: string, from: string | null, to: string | null) => {
    const start = latest(from, window.from);
    const end = earliest(to, window.to);
    if (start === null || end === null || start <= end) central.tell(why, start, end, source);
  };
  if (marks.length === 0 && cursor === undefined) {
    if (isInvolved) tell("no changes are captured of this source", null, null);
    return;
  }
  /** Since when nothing is captured; undefined while something is. */
  let open: { readonly since: string | null; readonly why: string } | undefined = {
    since: null,
    why: "no changes were captured yet",
  };
  // The mark of the beginning went with the days that are not kept.
  if (marks[0]?.operation !== "begin") {
    if (oldest !== null) tell("the change log is not kept any longer than that", null, oldest);
    open = undefined;
  }
  for (const [index, mark] of marks.entries()) {
    const because = mark.reason === null ? "" : `: ${mark.reason}`;
    if (mark.operation === "end") {
      open = { since: mark.at, why: `the capture was ended${because}` };
    } else if (mark.operation === "begin") {
      if (open !== undefined) tell(open.why, open.since, mark.at);
      open = undefined;
    } else {
      const start = await timeOf(central, mark);
      if (mark.table === null) {
        tell(`changes are missing: the capture has a gap${because}`, start, mark.at);
        open = undefined;
      } else {
        tell(
          `changes of ${mark.table} are missing${because}`,
          start,
          endOf(mark, marks.slice(index + 1)),
        );
      }
    }
  }
  if (open !== undefined) tell(open.why, open.since, null);
  if (cursor === undefined) return;
  const { until, lost, fault, isBehind } = cursor;
  if (lost !== null) tell(`changes since then are missing: ${lost}`, until, null);
  else if (fault !== null) tell(`the capture does not continue: ${fault}`, until, null);
  else if (isBehind) tell("the change log is complete up to then only", until, null);
}

/** When a gap began: the last entry before it; null where the log has none. */
async function timeOf(central: CentralReader, { sourceId, from }: Mark): Promise<string | null> {
  if (from === null) return null;
  const [entry] = await central.ask<{ at: string }>(
    `select ${instant("c.committed_at")} as at from central.change_log c
      where c.source_id = $1 and c.lsn <= $2
      order by c.lsn desc, c.ordinal desc
      limit 1`,
    [sourceId, `${parseLsn(from)}`],
  );
  return entry?.at ?? null;
}

/** A table that can't be captured is missing until the log says again that something of it was. */
function endOf({ at, table, to, reason }: Mark, later: readonly Mark[]): string | null {
  const isRefused = to === null || reason?.startsWith("it can't be captured");
  return isRefused ? (later.find((one) => one.table === table)?.at ?? null) : at;
}

interface Check extends QueryResultRow {
  readonly source: string;
  readonly queue: string;
  readonly since: string;
  readonly missing: string | null;
  readonly count: string;
}

/** What sources have archived, and the store does not have, or is still to be compared after it may have lost something. */
async function readLosses(
  central: CentralReader,
  ids: readonly string[],
  window: TraceWindow,
): Promise<void> {
  const rows = await central.ask<Check>(
    `select coalesce(s.name, k.source_id::text) as source, left(k.queue, 200) as queue, ${instant("k.from_at")} as since,
            ${instant("k.missing_since")} as missing, k.missing_count::text as count
       from central.archive_checks k
       left join central.sources s using (source_id)
      where k.from_at is not null and k.source_id = any ($1::uuid[])
        and ($2::timestamptz is null or coalesce(k.missing_since, k.from_at) <= $2)
      order by 1, 2
      limit 100`,
    [ids, window.to],
  );
  for (const { source, queue, since, missing, count } of rows) {
    const why =
      missing === null
        ? `the central store may have lost messages of ${queue} that were archived since then: they are still to be compared`
        : `the central store lacks ${count} messages of ${queue} that were archived since then; see centralcloud doctor`;
    central.tell(why, latest(missing ?? since, window.from), window.to, source);
  }
}

function latest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}

function earliest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}
