import { formatLsn } from "@centralcloud/postgres";
import { ConfigurationError } from "@centralcloud/service";
import type { Pool } from "pg";
import type { JsonText } from "../change.ts";

/** Which entries of the change log are asked for; what is not given does not matter. */
export interface LogFilter {
  /** The name or id of a source. */
  readonly source?: string;
  readonly tables?: readonly string[];
  readonly agentId?: string;
  readonly sessionId?: string;
  /** Moments; a text is in ISO 8601. */
  readonly from?: Date | string;
  readonly to?: Date | string;
  /** Entries that stand before the one that has this cursor. */
  readonly before?: string;
  /** Entries at most, the newest of them; default 100. */
  readonly limit?: number;
}

/** An entry of the change log: a change, or a mark of where a capture began, missed something or ended. */
export interface LogEntry {
  /** Where it stands in the log: given as `before`, it gets the entries before it. */
  readonly cursor: string;
  readonly source: string;
  readonly lsn: string;
  readonly ordinal: number;
  readonly xid: string | null;
  readonly committedAt: string;
  readonly table: string;
  readonly operation: string;
  readonly key: JsonText | null;
  readonly oldValues: JsonText | null;
  readonly newValues: JsonText | null;
  readonly unchanged: readonly string[];
}

const defaultLimit = 100;

/**
 * What happened to this agent, to this session, in this hour: oldest first. A session deleted is found by
 * its id; by its agent only where the deleted row's agent is known, which takes a full replica identity.
 */
export async function readChangeLog(
  central: Pool,
  filter: LogFilter = {},
): Promise<readonly LogEntry[]> {
  const values: unknown[] = [];
  const conditions: string[] = [];
  /** Only what is asked for is in the statement, so that each question gets the plan that fits it. */
  const ask = (condition: (place: string) => string, value: unknown) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  ask((place) => `${place}::text in (s.name, s.source_id::text)`, filter.source);
  ask((place) => `c.table_name = any (${place})`, filter.tables);
  ask((place) => `c.agent_id = ${place}`, filter.agentId);
  ask(
    (place) =>
      `c.table_name = 'agent_sessions' and c.key = jsonb_build_object('id', ${place}::text)`,
    filter.sessionId,
  );
  ask((place) => `c.committed_at >= ${place}`, filter.from);
  ask((place) => `c.committed_at < ${place}`, filter.to);
  if (filter.before !== undefined) {
    const places = decodeLogCursor(filter.before).map((value) => `$${values.push(value)}`);
    conditions.push(
      `(c.committed_at, c.lsn, c.ordinal, c.source_id) < (${places[0]}::timestamptz, ${places[1]}::bigint, ${places[2]}::integer, ${places[3]}::uuid)`,
    );
  }
  values.push(filter.limit ?? defaultLimit);
  const { rows } = await central.query<
    Omit<LogEntry, "cursor"> & { lsn: string; sourceId: string }
  >(
    `select e.source, e.source_id::text as "sourceId", e.lsn, e.ordinal, e.xid, e.table_name as "table", e.operation,
            to_char(e.committed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "committedAt",
            e.key::text, e.old_values::text as "oldValues", e.new_values::text as "newValues",
            coalesce(e.unchanged, '{}') as unchanged
       from (
         select s.name as source, c.*
           from central.change_log c
           join central.sources s using (source_id)
          ${conditions.length > 0 ? `where ${conditions.join(" and ")}` : ""}
          order by c.committed_at desc, c.lsn desc, c.ordinal desc, c.source_id desc
          limit $${values.length}
       ) e
      order by e.committed_at, e.lsn, e.ordinal, e.source_id`,
    values,
  );
  return rows.map(({ sourceId, ...row }) => ({
    cursor: encodeLogCursor([row.committedAt, row.lsn, row.ordinal, sourceId]),
    ...row,
    lsn: formatLsn(BigInt(row.lsn)),
  }));
}

/** An entry's moment, LSN, place in its transaction, and source. */
type LogPlace = readonly [at: string, lsn: string, ordinal: number, sourceId: string];

function encodeLogCursor(place: LogPlace): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/** @throws {ConfigurationError} */
function decodeLogCursor(text: string): LogPlace {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    const [at, lsn, ordinal, sourceId] = Array.isArray(value) ? value : [];
    const isPlace =
      typeof at === "string" &&
      /^\d{4,6}-\d\d-\d\dT[\d:.]{15}Z$/.test(at) &&
      typeof lsn === "string" &&
      /^\d{1,20}$/.test(lsn) &&
      Number.isSafeInteger(ordinal) &&
      typeof sourceId === "string" &&
      /^[0-9a-f-]{36}$/.test(sourceId);
    if (isPlace) return [at, lsn, ordinal as number, sourceId];
  } catch {
    // The reason would speak of JSON, of which whoever passed the cursor knows nothing.
  }
  throw new ConfigurationError(["error: the cursor is not one that an entry of the log has"]);
}

/** What entries of the log can be asked for by, beside what the configuration names. */
export interface LogNames {
  /** Names and ids of every source. */
  readonly sources: readonly string[];
  /** Those of the tables asked about that the log has entries of, as of one that was captured once; `*` is that of its marks. */
  readonly tables: readonly string[];
}

export async function readLogNames(central: Pool, tables: readonly string[]): Promise<LogNames> {
  const { rows } = await central.query<LogNames>(
    `select coalesce((select array_agg(v.name order by s.name)
                        from central.sources s
                       cross join lateral (values (s.name), (s.source_id::text)) v (name)), '{}') as sources,
            array(select t.name from unnest($1::text[]) t (name)
                   where t.name = '*'
                      or exists (select from central.change_log c where c.table_name = t.name)) as tables`,
    [tables],
  );
  return rows[0] ?? { sources: [], tables: [] };
}
