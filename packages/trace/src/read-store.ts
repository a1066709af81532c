import type { QueueName } from "@centralcloud/contracts";
import { letterSql } from "@centralcloud/dead-letters";
import type { QueryResultRow } from "pg";
import { BudgetSpentError } from "./budget.ts";
import type { CentralReader } from "./central-reader.ts";
import type { TraceEvent } from "./event.ts";
import {
  type Attempt,
  attemptEvent,
  attemptKey,
  type Identity,
  type Message,
  mergedEvent,
} from "./messages.ts";
import type { TraceQuestion } from "./question.ts";

/* What the central store has: contents of today, the ledger, and failures that are not decided yet. */

const { instant } = letterSql;

/** Rows of one kind that are told at most. */
const most = 200;

interface StoreRow extends QueryResultRow {
  readonly sourceId: string;
  readonly source: string;
  readonly at: string;
}

interface SessionRow extends StoreRow {
  readonly session: string;
  readonly agent: string;
  readonly confidence: string;
}

/** What the store has of an agent or a session, before any source is asked. */
export async function readSubject(
  central: CentralReader,
  { subject }: TraceQuestion,
): Promise<void> {
  if ("session" in subject) {
    await central.partly("sessions in the central store", () =>
      readSessions(central, "s.session_id = $2", subject.session),
    );
  } else if ("agent" in subject) {
    const { agent } = subject;
    await central.partly("sessions in the central store", () =>
      readSessions(central, "s.agent_id = $2", agent),
    );
    await central.partly("what agents know in the central store", () =>
      readKnowledge(central, agent),
    );
    await central.partly("patterns in the central store", () => readPatternsOf(central, agent));
  }
}

async function readSessions(
  central: CentralReader,
  condition: string,
  value: string,
): Promise<void> {
  // Source by source, since the key of a session begins with its source.
  const rows = await central.ask<SessionRow>(
    `select s.source_id::text as "sourceId", o.name as source, ${instant("s.synced_at")} as at,
            left(s.session_id, 600) as session, left(s.agent_id, 600) as agent, left(s.confidence::text, 64) as confidence
       from central.sources o
       join central.agent_sessions s on s.source_id = o.source_id and ${condition}
      where $1::uuid[] is null or o.source_id = any ($1::uuid[])
      order by s.synced_at desc
      limit ${most + 1}`,
    [central.sourceIds, value],
  );
  central.tellCut(rows.length > most, `more than ${most} sessions are in the central store`);
  for (const row of rows.slice(0, most)) {
    const { session, agent, confidence, at, source, sourceId } = row;
    central.hint("agent-sessions", at);
    central.events.push({
      at,
      where: "store",
      what: `the store has session ${session} as of then, confidence ${confidence}`,
      source,
      sourceId,
      queue: "agent-sessions",
      agentId: agent,
      sessionId: session,
    });
  }
}

async function readKnowledge(central: CentralReader, agent: string): Promise<void> {
  const rows = await central.ask<StoreRow & { count: string; confidence: string }>(
    `select k.source_id::text as "sourceId", o.name as source, ${instant("k.updated_at")} as at,
            k.pattern_count::text as count, left(k.confidence::text, 64) as confidence
       from central.sources o
       join central.agent_knowledge k on k.source_id = o.source_id and k.agent_id = $2
      where $1::uuid[] is null or o.source_id = any ($1::uuid[])
      limit ${most}`,
    [central.sourceIds, agent],
  );
  for (const { at, count, confidence, source, sourceId } of rows) {
    central.hint("agent-knowledge-updates", at);
    central.events.push({
      at,
      where: "store",
      what: `the store has what ${agent} knew then: ${count} patterns, confidence ${confidence}`,
      source,
      sourceId,
      queue: "agent-knowledge-updates",
      agentId: agent,
    });
  }
}

/** There is no index by agent, so a large store has no time for this; what messages tell of patterns is looked up besides. */
async function readPatternsOf(central: CentralReader, agent: string): Promise<void> {
  const rows = await central
    .ask<PatternRow>(
      `select ${patternColumns}
         from (select * from central.pattern_agents a
                where a.agent_id = $2 and ($1::uuid[] is null or a.source_id = any ($1::uuid[]))
                order by a.last_learned_at desc
                limit ${most + 1}) a
         join central.patterns p using (fingerprint)
         join central.sources o on o.source_id = a.source_id`,
      [central.sourceIds, agent],
      0.3,
    )
    .catch((error: unknown) => {
      if (!(error instanceof BudgetSpentError)) throw error;
      central.tell(
        `which patterns ${agent} has learned in all is not known: the store has no index by agent, and looking through all of them took too long`,
      );
      return [];
    });
  central.tellCut(rows.length > most, `${agent} has learned more than ${most} patterns`);
  for (const row of rows.slice(0, most)) tellPattern(central, row);
}

interface PatternRow extends StoreRow {
  readonly fingerprint: string;
  readonly agent: string;
  readonly count: string;
  readonly all: string;
  readonly agents: string;
  readonly sources: string;
  readonly pattern: string | null;
}

const patternColumns = `
  encode(p.fingerprint, 'hex') as fingerprint, a.source_id::text as "sourceId", o.name as source,
  left(a.agent_id, 600) as agent, ${instant("a.last_learned_at")} as at, a.observation_count::text as count,
  p.observation_count::text as "all", p.agent_count::text as agents, p.source_count::text as sources,
  case when pg_column_size(p.pattern) <= 16384 and octet_length(p.pattern::text) <= 65536 then p.pattern::text end as pattern`;

function tellPattern(central: CentralReader, row: PatternRow): void {
  const { at, source, sourceId, agent, count, all, agents, sources, fingerprint, pattern } = row;
  const key = `pattern ${sourceId} ${fingerprint} ${agent}`;
  if (central.told.has(key)) return;
  central.told.add(key);
  central.hint("centralcloud-new-patterns", at);
  const seen = `${all} times by ${agents} agents of ${sources} sources`;
  central.events.push({
    at,
    where: "store",
    what: `the store has a pattern that ${agent} learned last then, ${count} times; in all it was learned ${seen} (${fingerprint.slice(0, 12)})`,
    source,
    sourceId,
    queue: "centralcloud-new-patterns",
    agentId: agent,
    ...(pattern === null ? {} : { content: `{"pattern": ${pattern}}` }),
  });
}

/** The patterns and sessions that messages are of. */
export async function readContents(
  central: CentralReader,
  messages: readonly Message[],
): Promise<void> {
  const patterns = messages.filter(
    ({ fingerprint, agent }) => fingerprint !== null && agent !== null,
  );
  if (patterns.length > 0) {
    await central.partly("patterns in the central store", async () => {
      const rows = await central.ask<PatternRow>(
        `select distinct ${patternColumns}
           from unnest($1::text[], $2::uuid[], $3::text[]) i (fingerprint, source_id, agent_id)
           join central.patterns p on p.fingerprint = decode(i.fingerprint, 'hex')
           join central.pattern_agents a
             on a.fingerprint = p.fingerprint and a.source_id = i.source_id and a.agent_id = i.agent_id
           join central.sources o on o.source_id = a.source_id`,
        [
          patterns.map(({ fingerprint }) => fingerprint),
          patterns.map(({ sourceId }) => sourceId),
          patterns.map(({ agent }) => agent),
        ],
      );
      for (const row of rows) tellPattern(central, row);
    });
  }
  const sessions = new Set(messages.flatMap(({ session }) => (session === null ? [] : [session])));
  for (const session of [...sessions].slice(0, 50)) {
    if (central.events.some((one) => one.where === "store" && one.sessionId === session)) continue;
    await central.partly("sessions in the central store", () =>
      readSessions(central, "s.session_id = $2", session),
    );
  }
}

interface LedgerRow extends QueryResultRow {
  readonly ordinal: number;
  readonly processedAt: string | null;
  readonly isPruned: boolean;
  readonly failures: readonly (Attempt & { readonly at: string })[] | null;
}

/** What the ledger says of messages, and how those failed that are not decided yet. */
export async function readLedger(
  central: CentralReader,
  messages: readonly Message[],
  attempts: Set<string>,
): Promise<void> {
  const known = messages.filter(
    ({ msgId, enqueuedAt }) => /^\d{1,18}$/.test(msgId) && enqueuedAt !== "",
  );
  if (known.length === 0) return;
  const rows = await central.ask<LedgerRow>(
    `select i.ordinal::integer as ordinal, ${instant("p.processed_at")} as "processedAt",
            exists (select from central.pruned_ranges r
                     where r.lane_id = l.lane_id and i.msg_id between r.first_msg_id and r.last_msg_id
                       and i.enqueued_at between r.first_enqueued_at and r.last_enqueued_at) as "isPruned",
            (select jsonb_agg(jsonb_build_object(
                      'at', ${instant("f.failed_at")}, 'consumer', f.consumer_id, 'code', left(f.error_code, 200),
                      'error', left(f.error_message, 2000)) order by f.failed_at)
               from (select * from central.delivery_failures f
                      where f.lane_id = l.lane_id and f.msg_id = i.msg_id and f.enqueued_at = i.enqueued_at
                      order by f.failed_at desc limit 50) f) as failures
       from unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[])
              with ordinality i (source_id, queue, msg_id, enqueued_at, ordinal)
       left join central.lanes l on l.source_id = i.source_id and l.queue = i.queue
       left join central.processed_messages p
         on p.lane_id = l.lane_id and p.msg_id = i.msg_id and p.enqueued_at = i.enqueued_at`,
    [
      known.map(({ sourceId }) => sourceId),
      known.map(({ queue }) => queue),
      known.map(({ msgId }) => msgId),
      known.map(({ enqueuedAt }) => enqueuedAt),
    ],
  );
  for (const { ordinal, processedAt, isPruned, failures } of rows) {
    const message = known[ordinal - 1];
    if (message === undefined) continue;
    if (processedAt !== null) central.events.push(mergedEvent(message, processedAt));
    else tellUnmerged(central, message, isPruned);
    for (const failure of failures ?? []) {
      if (attempts.has(attemptKey(message, failure.at))) continue;
      central.events.push(attemptEvent(message, failure.at, failure));
    }
  }
}

/** Why the ledger does not have a message, where that is not plain from where the message is. */
function tellUnmerged(central: CentralReader, message: Message, isPruned: boolean): void {
  const { source, queue, msgId, enqueuedAt, archivedAt, isSetAside } = message;
  if (isPruned) {
    const why = `message ${msgId} of ${queue} was merged, and when is not known any more: its row of the ledger is pruned`;
    central.tell(why, enqueuedAt, archivedAt, source);
  } else if (archivedAt !== null && !isSetAside) {
    const why = `message ${msgId} of ${queue} is archived, and the ledger of this store does not have it: the store is a new one, was restored or lost it; see centralcloud doctor`;
    central.tell(why, enqueuedAt, archivedAt, source);
  }
}

interface KnownMerge extends StoreRow {
  readonly queue: QueueName;
  readonly enqueuedAt: string;
  readonly until: string | null;
}

/** Messages of an id that the ledger has, and that no source has any more. */
export async function readMerged(
  central: CentralReader,
  msgId: string,
  found: readonly Identity[],
): Promise<void> {
  const rows = await central.ask<KnownMerge>(
    `select o.source_id::text as "sourceId", o.name as source, l.queue, k.at, k."enqueuedAt", k.until
       from central.lanes l
       join central.sources o using (source_id)
      cross join lateral (
        select ${instant("p.processed_at")} as at, ${instant("p.enqueued_at")} as "enqueuedAt", null as until
          from central.processed_messages p
         where p.lane_id = l.lane_id and p.msg_id = $2
        union all
        select null, ${instant("r.first_enqueued_at")}, ${instant("r.last_enqueued_at")}
          from central.pruned_ranges r
         where r.lane_id = l.lane_id and $2 between r.first_msg_id and r.last_msg_id
      ) k
      where $1::uuid[] is null or o.source_id = any ($1::uuid[])
      order by 4
      limit ${most}`,
    [central.sourceIds, msgId],
  );
  const isFound = (row: KnownMerge) =>
    found.some(
      ({ sourceId, queue, enqueuedAt }) =>
        sourceId === row.sourceId &&
        queue === row.queue &&
        (row.until === null
          ? enqueuedAt === row.enqueuedAt
          : enqueuedAt >= row.enqueuedAt && enqueuedAt <= row.until),
    );
  for (const row of rows) {
    if (isFound(row)) continue;
    const { at, source, sourceId, queue, enqueuedAt, until } = row;
    const gone = `the source has it no more, in its queue, its archive or its dead letters`;
    if (until !== null) {
      const why = `a message ${msgId} of ${queue} was sent and merged, and when is not known any more: its row of the ledger is pruned, and ${gone}`;
      central.tell(why, enqueuedAt, null, source);
      continue;
    }
    const event: TraceEvent = {
      at,
      where: "ledger",
      what: "merged",
      source,
      sourceId,
      queue,
      msgId,
      enqueuedAt,
    };
    central.events.push(event);
    central.events.push({ ...event, at: enqueuedAt, what: `sent as message ${msgId}` });
    central.tell(
      `what message ${msgId} of ${queue} said is not known: ${gone}`,
      enqueuedAt,
      null,
      source,
    );
  }
}
