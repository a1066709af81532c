import { contractFor } from "@centralcloud/contracts";
import { deadLetterSql } from "@centralcloud/dead-letters";
import type { QueryResultRow } from "pg";
import { BudgetSpentError } from "./budget.ts";
import type { CentralReader } from "./central-reader.ts";
import type { FieldChange, JsonText, TraceEvent } from "./event.ts";
import type { Message } from "./messages.ts";
import { normalized, shifted, type TraceQuestion } from "./question.ts";

/* What the change log has: old and new values side by side. */

const { instant } = deadLetterSql;

/** Values of the columns of a row, each as its JSON text. */
type Values = Readonly<Record<string, JsonText>>;

interface Entry extends QueryResultRow {
  readonly sourceId: string;
  readonly source: string | null;
  readonly lsn: string;
  readonly ordinal: number;
  readonly at: string;
  readonly table: string;
  readonly operation: string;
  readonly key: JsonText | null;
  readonly old: Values | null;
  readonly new: Values | null;
}

/** Longer values are not told, in bytes. */
const mostBytes = 4_096;

/** Entries that are told at most: the newest of them. */
const mostEntries = 500;

/** A row's columns, as an object of JSON texts: so no number in them becomes one of JavaScript's. */
function valuesOf(column: string): string {
  return `(select jsonb_object_agg(v.key, case when octet_length(v.value::text) <= ${mostBytes} then v.value::text
                    else to_json('of ' || octet_length(v.value::text) || ' bytes')::text end)
             from jsonb_each(case when jsonb_typeof(${column}) = 'object' then ${column} else '{}' end) v)`;
}

async function readEntries(
  central: CentralReader,
  condition: string,
  { from, to }: TraceQuestion["window"],
  values: readonly unknown[],
): Promise<readonly Entry[]> {
  // Only what is asked for is in the statement, so that each question gets the plan that fits it.
  const bounds = [
    ...(from === null ? [] : [`c.committed_at >= $${values.length + 2}::timestamptz`]),
    ...(to === null
      ? []
      : [`c.committed_at <= $${values.length + (from === null ? 2 : 3)}::timestamptz`]),
  ];
  return await central.ask<Entry>(
    `select c.source_id::text as "sourceId", s.name as source, c.lsn::text as lsn, c.ordinal, ${instant("c.committed_at")} as at,
            left(c.table_name, 200) as "table", c.operation,
            case when octet_length(c.key::text) <= ${mostBytes} then c.key::text end as key,
            ${valuesOf("c.old_values")} as old, ${valuesOf("c.new_values")} as new
       from (select * from central.change_log c
              where ($1::uuid[] is null or c.source_id = any ($1::uuid[])) and c.table_name <> '*'
                and ${[condition, ...bounds].join(" and ")}
              order by c.committed_at desc, c.lsn desc, c.ordinal desc
              limit ${mostEntries + 1}) c
       left join central.sources s using (source_id)
      order by c.committed_at, c.lsn, c.ordinal`,
    [central.sourceIds, ...values, ...(from === null ? [] : [from]), ...(to === null ? [] : [to])],
  );
}

const ofSession = (place: string) =>
  `c.table_name = 'agent_sessions' and c.key = jsonb_build_object('id', ${place}::text)`;

/** Changes of an agent's rows, or of a session's. A message is no row: see {@link readChangesOf}. */
export async function readChanges(central: CentralReader, question: TraceQuestion): Promise<void> {
  const { subject, window } = question;
  const asked =
    "agent" in subject
      ? (["c.agent_id = $2", subject.agent] as const)
      : "session" in subject
        ? ([ofSession("$2"), subject.session] as const)
        : undefined;
  if (asked === undefined) return;
  await central.partly("the change log", async () => {
    const [condition, value] = asked;
    const entries = await readEntries(central, condition, window, [value]);
    const isCut = entries.length > mostEntries;
    const shown = isCut ? entries.slice(1) : entries;
    if (isCut)
      central.tell(
        `more than ${mostEntries} changes: older ones are not told`,
        window.from,
        shown[0]?.at ?? null,
      );
    await tellEntries(central, shown);
  });
}

/** Moments between a change and the time that its row says of itself, in seconds. */
const nearS = 600;
/** Messages whose rows are looked up. */
const mostMessages = 20;

/** The changes that made messages, as of the pattern that was learned then, or of that version of a session. */
export async function readChangesOf(
  central: CentralReader,
  messages: readonly Message[],
): Promise<void> {
  const known = messages.filter(({ version }) => version !== null).slice(0, mostMessages);
  await central.partly("the change log", async () => {
    const entries = new Map<string, Entry>();
    for (const { queue, version, agent, session, sourceId } of known) {
      const { captured } = contractFor(queue);
      if (captured === null) continue;
      const at = version ?? "";
      const window = { from: shifted(at, -nearS), to: shifted(at, nearS) };
      const [value, isOfRow] =
        captured.of === "session"
          ? [session, "c.key = jsonb_build_object('id', $2::text)"]
          : [agent, "c.agent_id = $2"];
      if (value === null) continue;
      const condition = `c.table_name = '${captured.table}' and ${isOfRow}`;
      for (const entry of await readEntries(central, condition, window, [value])) {
        const said = entry.new?.[captured.time];
        const isOfIt = said !== undefined && normalized(said.slice(1, -1)) === at;
        if (isOfIt && entry.sourceId === sourceId) entries.set(placeOf(entry), entry);
      }
    }
    await tellEntries(central, [...entries.values()]);
  });
}

const placeOf = ({ sourceId, lsn, ordinal }: Entry) => `${sourceId} ${lsn} ${ordinal}`;
const rowOf = ({ sourceId, table, key }: Entry) => `${sourceId} ${table} ${key}`;

/** @param entries oldest first. */
async function tellEntries(central: CentralReader, entries: readonly Entry[]): Promise<void> {
  const fresh = entries.filter((entry) => !central.isTold(placeOf(entry)));
  const before = await readValuesBefore(central, fresh);
  for (const entry of fresh) {
    const { at, source, sourceId, table, operation, key, new: values } = entry;
    const row = rowOf(entry);
    const changes = changesOf(entry, entry.old ?? before.get(row));
    if (values !== null) before.set(row, { ...before.get(row), ...values });
    const agent = values?.agent_id;
    const event: TraceEvent = {
      at,
      where: "change-log",
      what: `${verbs[operation] ?? `${operation} of`} ${table}`,
      source,
      sourceId,
      table,
      ...(key === null ? {} : { key }),
      ...(agent?.startsWith('"') ? { agentId: JSON.parse(agent) as string } : {}),
      ...(changes.length === 0 ? {} : { changes }),
    };
    central.events.push(event);
  }
}

const verbs: Readonly<Record<string, string>> = {
  insert: "insert into",
  update: "update of",
  delete: "delete from",
  truncate: "truncate of",
  snapshot: "snapshot of",
};

/** Of an update only what differs, where it is known what was there before. */
function changesOf(entry: Entry, before: Values | undefined): readonly FieldChange[] {
  const fields = new Set([...Object.keys(entry.new ?? {}), ...Object.keys(entry.old ?? {})]);
  const isUpdate = entry.operation === "update";
  const all = [...fields].map((field): FieldChange => {
    const old = entry.operation === "insert" ? null : (before?.[field] ?? null);
    return { field, old, new: entry.new?.[field] ?? null };
  });
  return isUpdate
    ? all.filter(({ field, old, new: now }) => old !== now && field in (entry.new ?? {}))
    : all;
}

/** Rows whose values before are looked up. */
const mostRows = 50;

/** What the log last said of rows before the first change that is told of each: by row. Where that takes long, nothing. */
async function readValuesBefore(
  central: CentralReader,
  entries: readonly Entry[],
): Promise<Map<string, Values>> {
  const firsts = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.key !== null && !firsts.has(rowOf(entry))) firsts.set(rowOf(entry), entry);
  }
  const wanted = [...firsts.values()]
    .filter(({ operation, old }) => operation !== "insert" && old === null)
    .slice(0, mostRows);
  if (wanted.length === 0) return new Map();
  try {
    const rows = await central.ask<{ ordinal: number; values: Values | null }>(
      `select i.ordinal::integer as ordinal, ${valuesOf("b.new_values")} as values
         from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::bigint[])
                with ordinality i (source_id, table_name, key, at, lsn, ordinal)
        cross join lateral (
          select c.new_values from central.change_log c
           where c.key = i.key and c.source_id = i.source_id and c.table_name = i.table_name
             and c.new_values is not null and (c.committed_at, c.lsn) < (i.at, i.lsn)
           order by c.committed_at desc, c.lsn desc, c.ordinal desc
           limit 1
        ) b`,
      [
        wanted.map(({ sourceId }) => sourceId),
        wanted.map(({ table }) => table),
        wanted.map(({ key }) => key),
        wanted.map(({ at }) => at),
        wanted.map(({ lsn }) => lsn),
      ],
      0.3,
    );
    return new Map(
      rows.flatMap(({ ordinal, values }) => {
        const entry = wanted[ordinal - 1];
        return entry === undefined || values === null ? [] : [[rowOf(entry), values] as const];
      }),
    );
  } catch (error) {
    if (error instanceof BudgetSpentError) return new Map();
    throw error;
  }
}
