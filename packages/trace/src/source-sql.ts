import { contractFor, type QueueName } from "@centralcloud/contracts";
import { isArchivedHere } from "@centralcloud/db";
import { deadLetterSql, type Place } from "@centralcloud/dead-letters";
import type { TraceSubject } from "./question.ts";
import { mostRows, type ScanPlan } from "./scan.ts";

/*
 * What is asked of the rows of queues, archives and dead letters, in SQL. Messages come from any client: each expression
 * takes a message of any shape, and all that comes back is text of a bounded length, or null.
 */

/** Which table of a queue a row is in. */
export type Table = keyof Place["tables"];

/** Longer contents are not shown, in bytes as they are stored. */
const mostBytes = 16_384;
/** Longer than any identifier that a contract accepts. */
const mostIdentifier = 600;

/** An identifier of a message: a number in its shortest numeral, as the central store writes it. */
function identifier(value: string): string {
  return `left(case jsonb_typeof(${value}) when 'number' then trim_scale((${value})::numeric)::text
                    else ${value} #>> '{}' end, ${mostIdentifier})`;
}

/** Whether a login that only looks may read the messages themselves: those of sessions hold states and seals. */
export function isReadable(queue: QueueName, table: Table): boolean {
  return queue !== "agent-sessions" || table === "deadLetters" || table === "deadLetterArchive";
}

const bodyOf = (table: Table) =>
  table === "deadLetters" || table === "deadLetterArchive" ? deadLetterSql.original : "d.message";

/** What a message says, of which `agent` is the part of a summary that is about this one. */
function bodyColumns(queue: QueueName, table: Table, agent: string | null): string {
  if (!isReadable(queue, table)) return noBody;
  const body = bodyOf(table);
  const field = (name: string, length: number) => `left(${body} ->> '${name}', ${length})`;
  const isPattern = queue === "centralcloud-new-patterns";
  const part = `(select case when octet_length(e.value::text) <= ${4 * mostBytes}
                       then '{"agents": [' || e.value::text || ']}' end from jsonb_array_elements(
      case when jsonb_typeof(${body} -> 'agents') = 'array' then ${body} -> 'agents' else '[]' end) e
      where ${identifier("(e.value -> 'agent_id')")} = ${agent} limit 1)`;
  return `
    ${identifier(`(${body} -> 'agent_id')`)} as agent, ${identifier(`(${body} -> 'session_id')`)} as session,
    ${field(contractFor(queue).time, 64)} as version, ${field("confidence", 64)} as confidence,
    left(${body} #>> '{sealed,key_id}', 200) as "keyId", left(${body} #>> '{sealed,alg}', 60) as alg,
    ${isPattern ? `encode(sha256(convert_to((${body} -> 'pattern')::text, 'UTF8')), 'hex')` : "null"} as fingerprint,
    case when pg_column_size(d.message) <= ${mostBytes} then ${
      queue === "agent-knowledge-updates" && agent !== null
        ? part
        : `case when octet_length((${body})::text) <= ${4 * mostBytes} then (${body})::text end`
    } end as body`;
}

const noBody =
  'null as agent, null as session, null as version, null as confidence, null as "keyId", null as alg, null as fingerprint, null as body';

/** What every row tells, whichever table it is in. */
export interface Row {
  /** The row's own id in its table, which may be negative. */
  readonly rowId: string | null;
  /** That of the message, in its queue. */
  readonly id: string | null;
  readonly sentAt: string | null;
  readonly goneAt: string | null;
  readonly visibleAt: string | null;
  readonly readCount: string | null;
  readonly messageId: string | null;
  readonly schema: string | null;
  readonly replayOf: string | null;
  readonly replayCount: string | null;
  readonly fromArchive: string | null;
  readonly setAside: string | null;
  readonly history: string | null;
  readonly agent: string | null;
  readonly session: string | null;
  readonly version: string | null;
  readonly confidence: string | null;
  readonly keyId: string | null;
  readonly alg: string | null;
  readonly fingerprint: string | null;
  readonly body: string | null;
  readonly deadLetterId: string | null;
  readonly diedAt: string | null;
  /** The same by the clock of the consumer, as the history of a replay has it. */
  readonly deadLetteredAt: string | null;
  readonly reason: string | null;
  readonly errorCode: string | null;
  readonly error: string | null;
  readonly action: string | null;
  readonly actionId: string | null;
  readonly newMsgId: string | null;
  readonly alreadyMerged: string | null;
  readonly edited: string | null;
}

const header = (name: string, of = "d.headers") => `left((${of}) ->> '${name}', 200)`;

/** The id that a row had before an archive, which had that id already, took it under a negative one. */
const ownId = `case when d.msg_id < 0 then left(d.headers ->> 'archived_msg_id', 40) else d.msg_id::text end`;

const historyBytes = 65_536;

/** The columns of a {@link Row}. */
export function columnsOf(queue: QueueName, table: Table, agent: string | null): string {
  const isDeadLetter = table === "deadLetters" || table === "deadLetterArchive";
  const isGone = table === "archive" || table === "deadLetterArchive";
  const headers = isDeadLetter ? deadLetterSql.originalHeaders : "d.headers";
  const history = isDeadLetter
    ? deadLetterSql.attempts
    : `(case when jsonb_typeof(d.headers -> 'attempts') = 'array' then d.headers -> 'attempts' end)`;
  const sent = isDeadLetter
    ? `left(${deadLetterSql.messageId}, 40) as id, left(${deadLetterSql.enqueuedAt}, 60) as "sentAt",
       ${ownId} as "deadLetterId", ${deadLetterSql.instant("d.enqueued_at")} as "diedAt",
       left(${deadLetterSql.deadLetteredAt}, 60) as "deadLetteredAt",
       left(${deadLetterSql.reason}, 60) as reason, left(${deadLetterSql.errorCode}, 200) as "errorCode",
       left(${deadLetterSql.errorMessage}, 2000) as error,
       left(${deadLetterSql.readCount}, 20) as "readCount"`
    : `${ownId} as id, ${deadLetterSql.instant("d.enqueued_at")} as "sentAt", null as "deadLetterId", null as "diedAt",
       null as "deadLetteredAt", null as reason, null as "errorCode", null as error, d.read_ct::text as "readCount"`;
  return `d.msg_id::text as "rowId", ${sent},
    ${isGone ? deadLetterSql.instant("d.archived_at") : "null"} as "goneAt",
    ${table === "queue" ? deadLetterSql.instant("d.vt") : "null"} as "visibleAt",
    ${header("message_id", headers)} as "messageId", ${header("schema", headers)} as schema,
    ${header("replay_of", headers)} as "replayOf", ${header("replay_count", headers)} as "replayCount",
    ${header("replayed_from_archive")} as "fromArchive", left((d.headers -> 'set_aside')::text, 200) as "setAside",
    case when octet_length((${history})::text) <= ${historyBytes} then (${history})::text end as history,
    ${header("action")} as action, ${header("action_id")} as "actionId", ${header("new_msg_id")} as "newMsgId",
    ${header("already_merged")} as "alreadyMerged", ${header("edited")} as edited,
    ${bodyColumns(queue, table, agent)}`;
}

/** Rows of an archive that are another source's, of which this one was a copy, are none of its own. */
export function ownRows(table: Table): string {
  return table === "archive" || table === "deadLetterArchive" ? isArchivedHere("d") : "true";
}

/** Which rows of a table are of the subject, with values from $4 on; the first one is the agent, where that is asked about. */
export type RowsOfSubject = Pick<ScanPlan, "condition" | "values" | "rowsBetween">;

/** Undefined where the queue has nothing of the kind. */
export function rowsOfSubject(
  subject: TraceSubject,
  { queue, tables }: Place,
  table: Table,
): RowsOfSubject | undefined {
  if ("msgId" in subject) return undefined;
  const isDeadLetter = table === "deadLetters" || table === "deadLetterArchive";
  const body = bodyOf(table);
  if ("messageId" in subject) {
    const headers = isDeadLetter ? deadLetterSql.storedHeaders : "d.headers";
    return { condition: `(${headers}) ->> 'message_id' = $4`, values: [subject.messageId] };
  }
  const isAgent = "agent" in subject;
  const name = isAgent ? "agent_id" : "session_id";
  const value = isAgent ? subject.agent : subject.session;
  if (queue === "agent-knowledge-updates") {
    const parts = [value, ...(numeral.test(value) ? [Number(value)] : [])];
    const texts = parts.map((agent) => JSON.stringify([{ agent_id: agent }]));
    const condition = `$4::text is not null and (${body} -> 'agents') @> any ($5::jsonb[])`;
    return isAgent ? { condition, values: [value, texts] } : undefined;
  }
  if (!(name in contractFor(queue).shown)) return undefined;
  if (!isReadable(queue, table)) {
    const bounds = table === "archive" ? ["p_since", "p_until"] : ["p_first_id", "p_last_id"];
    return {
      condition: "true",
      values: isAgent ? [value, null] : [null, value],
      rowsBetween: (first, last) => `public.find_session_messages(
        p_archived => ${table === "archive"}, p_agent_id => $4::text, p_session_id => $5::text,
        ${bounds[0]} => ${first}, ${bounds[1]} => ${last}, p_limit => ${mostRows + 1}) i
        join ${tables[table]} d on d.msg_id = i.msg_id`,
    };
  }
  return {
    // Some clients encode a message twice.
    condition: `${body} ->> '${name}' = $4
      or (jsonb_typeof(${body} -> '${name}') = 'number' and ${identifier(`(${body} -> '${name}')`)} = $4)
      or (jsonb_typeof(${body}) = 'string' and strpos(${body} #>> '{}', $4) > 0)`,
    values: [value],
  };
}

/** A number that JavaScript writes as it was given. */
const numeral = /^-?(0|[1-9]\d{0,14})$/;
