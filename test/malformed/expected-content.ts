import { deadLetterReasons, deadLetterSchema } from "@centralcloud/contracts";
import type { PoolClient } from "pg";
import { expect } from "vitest";
import type { TestDatabase } from "../support/databases.ts";

/** Runs queries on a connection that writes times in UTC. */
export async function inUtc<Result>(
  { pool }: TestDatabase,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query("set timezone = 'UTC'");
    return await work(client);
  } finally {
    client.release();
  }
}

const documents = (queue: string) => `
  select case jsonb_typeof(a.message) when 'string' then (a.message #>> '{}')::jsonb else a.message end as doc
    from pgmq."a_${queue}" a`;

const named = (value: string) => `
  case jsonb_typeof(${value}) when 'number' then trim_scale((${value})::numeric)::text else (${value}) #>> '{}' end`;

const sure = (value: string) => `coalesce((${value})::numeric, 0.5)`;

/**
 * What the archives of a source must have become, message by message and without any of the merges' craft, and what
 * the central store holds. Both as lines of text, in the same order.
 */
const accounts: Readonly<Record<string, { readonly archived: string; readonly central: string }>> =
  {
    patterns: {
      archived: `
      select md5((doc -> 'pattern')::text) as id, count(*)::text, 1 as sources,
             count(distinct ${named("doc -> 'agent_id'")})::text as agents,
             trim_scale(sum(${sure("doc ->> 'confidence'")}))::text as total,
             trim_scale(max(${sure("doc ->> 'confidence'")}))::text as most,
             min((doc ->> 'learned_at')::timestamptz)::text as first,
             max((doc ->> 'learned_at')::timestamptz)::text as last
        from (${documents("centralcloud-new-patterns")}) d group by 1`,
      central: `
      select md5(pattern::text) as id, observation_count::text as count, source_count as sources,
             agent_count::text as agents, trim_scale(confidence_sum)::text as total,
             trim_scale(confidence_max)::text as most, first_learned_at::text as first,
             last_learned_at::text as last
        from central.patterns`,
    },
    observations: {
      archived: `
      select md5((doc -> 'pattern')::text) as id, ${named("doc -> 'agent_id'")} as agent, count(*)::text
        from (${documents("centralcloud-new-patterns")}) d group by 1, 2`,
      central: `
      select md5(p.pattern::text) as id, a.agent_id as agent, a.observation_count::text as count
        from central.pattern_agents a join central.patterns p using (fingerprint)`,
    },
    sessions: {
      archived: `
      select ${named("doc -> 'session_id'")} as id, ${named("doc -> 'agent_id'")} as agent,
             trim_scale(${sure("doc ->> 'confidence'")})::text as confidence, doc ->> 'ulid' as ulid,
             md5(nullif(doc -> 'session_state', 'null')::text) as state,
             md5(nullif(doc -> 'sealed', 'null')::text) as sealed,
             (doc ->> 'synced_at')::timestamptz::text as synced
        from (${documents("agent-sessions")}) d`,
      central: `
      select session_id as id, agent_id as agent, confidence::text, ulid, md5(session_state::text) as state,
             md5(sealed::text) as sealed, synced_at::text as synced
        from central.agent_sessions`,
    },
    summaries: {
      archived: `
      select distinct on (id) (doc ->> 'updated_at')::timestamptz::text as id,
             (doc ->> 'agents_updated')::numeric::bigint as agents,
             (doc ->> 'total_patterns')::numeric::bigint as patterns
        from (${documents("agent-knowledge-updates")}) d order by id, agents desc, patterns desc`,
      central: `
      select updated_at::text as id, agents_updated as agents, total_patterns as patterns
        from central.knowledge_summaries`,
    },
    agents: {
      archived: `
      with summary as materialized (
        select (doc ->> 'updated_at')::timestamptz as updated, nullif(doc -> 'agents', 'null') as agents
          from (${documents("agent-knowledge-updates")}) d
      )
      select distinct on (id) ${named("agent -> 'agent_id'")} as id, updated,
             (agent ->> 'pattern_count')::numeric::bigint as patterns,
             trim_scale(${sure("agent ->> 'confidence'")}) as confidence
        from summary, jsonb_array_elements(agents) as agent
       order by id, updated desc, patterns desc, confidence desc`,
      central: `
      select agent_id as id, updated_at as updated, pattern_count as patterns, confidence
        from central.agent_knowledge`,
    },
  };

/** Fails unless the central store is exactly what the archived messages of its one source make. */
export async function expectCentralToEqualArchives(
  source: TestDatabase,
  central: TestDatabase,
): Promise<void> {
  const lines = (database: TestDatabase, query: string) =>
    inUtc(database, async (client) => {
      const { rows } = await client.query<{ line: string }>(
        `select t::text as line from (${query}) t`,
      );
      return rows.map(({ line }) => line).sort();
    });
  for (const [name, account] of Object.entries(accounts)) {
    const expected = await lines(source, account.archived);
    expect(expected.length, name).toBeGreaterThan(0);
    expect(await lines(central, account.central), name).toEqual(expected);
  }
}

export interface DeadLetter {
  readonly msgId: string;
  readonly reason: string;
  readonly readCount: number;
  readonly code: string;
  readonly issues: readonly { readonly path: string; readonly code: string }[];
}

/** The dead letters of a queue, each found to be in form, and to hold what was sent, to the last digit. */
export async function checkedDeadLetters(
  { pool }: TestDatabase,
  queue: string,
): Promise<ReadonlyMap<string, DeadLetter>> {
  const { rows } = await pool.query<{ deadLetter: object; same: boolean; msg_id: string }>(
    // A dead letter can't tell SQL's null from JSON's.
    `select s.msg_id::text, d.message - '{original_message,original_headers}'::text[] as "deadLetter",
            coalesce(s.message::text, 'null')
              = case when d.message -> 'as_text' ? 'original_message' then d.message ->> 'original_message'
                     else (d.message -> 'original_message')::text end
            and coalesce(s.headers, 'null') = d.message -> 'original_headers' as same
       from pgmq."q_${queue}-dlq" d
       left join sent s on s.queue = $1 and s.msg_id = (d.message ->> 'original_message_id')::bigint`,
    [queue],
  );
  const deadLetters = new Map<string, DeadLetter>();
  for (const { deadLetter, same, msg_id: msgId } of rows) {
    expect(same, `the dead letter of ${queue} ${msgId} holds what was sent`).toBe(true);
    const {
      reason,
      read_count: readCount,
      error,
    } = deadLetterSchema.parse({
      ...deadLetter,
      original_message: null,
      original_headers: null,
    });
    expect(deadLetterReasons).toContain(reason);
    deadLetters.set(msgId, {
      msgId,
      reason,
      readCount,
      code: error.code,
      issues: error.issues ?? [],
    });
  }
  expect(deadLetters.size, "each message has at most one dead letter").toBe(rows.length);
  return deadLetters;
}
