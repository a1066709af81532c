import type { QueueName } from "@centralcloud/contracts";
import { deadLetterSql } from "@centralcloud/dead-letters";
import type { QueryResultRow } from "pg";
import { BudgetSpentError } from "./budget.ts";
import type { CentralReader } from "./central-reader.ts";
import type { Message } from "./messages.ts";
import type { TraceQuestion } from "./question.ts";

/* What the central store has today. */

const { instant } = deadLetterSql;

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

/** What the store has from the messages of a queue. */
interface StoreReader {
  /** In words, for when it can't be read. */
  readonly what: string;
  readonly ofAgent: (central: CentralReader, agent: string) => Promise<void>;
  /** Left out where nothing is known by session. */
  readonly ofSession?: (central: CentralReader, session: string) => Promise<void>;
}

/** In the order in which they are read: what may take long comes last. */
const readers: Readonly<Record<QueueName, StoreReader>> = {
  "agent-sessions": {
    what: "sessions in the central store",
    ofAgent: (central, agent) => readSessions(central, "s.agent_id = $2", agent),
    ofSession: (central, session) => readSessions(central, "s.session_id = $2", session),
  },
  "agent-knowledge-updates": {
    what: "what agents know in the central store",
    ofAgent: readKnowledge,
  },
  "centralcloud-new-patterns": {
    what: "patterns in the central store",
    ofAgent: readPatternsOf,
  },
};

/** What the store has of an agent or a session, before any source is asked. */
export async function readSubject(
  central: CentralReader,
  { subject }: TraceQuestion,
): Promise<void> {
  for (const { what, ofAgent, ofSession } of Object.values(readers)) {
    if ("agent" in subject) await central.partly(what, () => ofAgent(central, subject.agent));
    if ("session" in subject && ofSession !== undefined) {
      await central.partly(what, () => ofSession(central, subject.session));
    }
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
    if (central.isTold(`session ${sourceId} ${session}`)) continue;
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
        `which patterns ${agent} has learned in all is not known: the store has no index by agent, and searching all of them took too long`,
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
  if (central.isTold(`pattern ${sourceId} ${fingerprint} ${agent}`)) return;
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
    fingerprint,
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
    await central.partly("sessions in the central store", () =>
      readSessions(central, "s.session_id = $2", session),
    );
  }
}
