import type { Pool } from "pg";
import { activateBenchKey } from "./sessions.ts";

/** A procedure of the Singularity database, and the least SQL that makes the same rows. */
export interface ProcedurePair {
  readonly name: string;
  /** Makes `rows` rows to work on. */
  fill(pool: Pool, rows: number): Promise<void>;
  /** Statements that are repeated until one reports 0 rows; each gives one column `count`. */
  readonly procedure: string;
  readonly bare: string;
  /** Run before the bare statement, for instance to switch a trigger off. */
  readonly beforeBare?: string;
  /** One column `done`: how many rows the statement has worked on, of those that were filled. */
  readonly done: string;
  /** Whether one call does all. */
  readonly once?: boolean;
}

const fillAgents =
  "insert into agents (agent_id) select 'agent-' || i from generate_series(0, 99) i";

const fillPatterns = (synced: string) => `
  insert into learned_patterns (agent_id, pattern, confidence, synced_at)
  select 'agent-' || i % 100, bench.pattern_document(i, 300), 0.9, ${synced}
    from generate_series(1, $1::bigint) i`;

const message = (pattern: string) => `jsonb_build_object(
  'agent_id', agent_id, 'pattern', ${pattern}, 'confidence', confidence, 'learned_at', clock_timestamp())`;

const send = (queue: string, from: string, document: string) => `
  select count(*)::integer as count
    from (select array_agg(${document}) as messages from ${from} having count(*) > 0) m
   cross join lateral pgmq.send_batch('${queue}', m.messages) s`;

export const procedurePairs: readonly ProcedurePair[] = [
  {
    name: "learn_patterns_from_analysis",
    async fill(pool, rows) {
      await pool.query(fillAgents);
      await pool.query(
        `insert into analysis_results (agent_id, result, confidence)
         select 'agent-' || i % 100, bench.pattern_document(i, 300), 0.9 from generate_series(1, $1::bigint) i`,
        [rows],
      );
    },
    procedure: "select patterns_queued as count from learn_patterns_from_analysis(1000)",
    bare: `
      with taken as (
        select id from analysis_results where learned is not true and learn_error is null
         order by created_at, id limit 1000 for update skip locked
      ), marked as (
        update analysis_results r set learned = true, learned_at = clock_timestamp()
          from taken t where r.id = t.id returning r.id, r.agent_id, r.result, r.confidence
      ), learned as (
        insert into learned_patterns (analysis_id, agent_id, pattern, confidence, synced_at)
        select id, agent_id, result, confidence, clock_timestamp() from marked
        returning agent_id, pattern, confidence
      ) ${send("centralcloud-new-patterns", "learned", message("pattern"))}`,
    done: `select count(*)::integer as done from pgmq."q_centralcloud-new-patterns"`,
  },
  {
    name: "persist_agent_session",
    async fill(pool, rows) {
      await activateBenchKey(pool);
      await pool.query("alter table agent_sessions disable trigger user");
      await pool.query(
        `insert into agent_sessions (agent_id, state)
         select 'agent-' || i % 100, bench.pattern_document(i, 300) from generate_series(1, $1::bigint) i`,
        [rows],
      );
      await pool.query("alter table agent_sessions enable trigger user");
    },
    procedure: `with changed as (update agent_sessions set state = state || '{"step": 2}' returning 1)
                select count(*)::integer as count from changed`,
    beforeBare: "alter table agent_sessions disable trigger user",
    bare: `with changed as (
             update agent_sessions set state = state || '{"step": 2}', unsynced = false,
                    last_synced_at = clock_timestamp() returning agent_id, state, confidence
           ) ${send("agent-sessions", "changed", message("state"))}`,
    done: `select count(*)::integer as done from pgmq."q_agent-sessions"`,
    once: true,
  },
  {
    name: "sync_learning_to_centralcloud",
    async fill(pool, rows) {
      await pool.query(fillPatterns("null"), [rows]);
    },
    procedure: "select pattern_count as count from sync_learning_to_centralcloud()",
    bare: `
      with taken as (
        select id from learned_patterns where synced_at is null order by id limit 10000 for update skip locked
      ), marked as (
        update learned_patterns l set synced_at = clock_timestamp()
          from taken t where l.id = t.id returning l.agent_id, l.pattern, l.confidence
      ) ${send("centralcloud-new-patterns", "marked", message("pattern"))}`,
    done: `select count(*)::integer as done from pgmq."q_centralcloud-new-patterns"`,
  },
  {
    name: "update_agent_knowledge",
    async fill(pool, rows) {
      await pool.query(fillAgents);
      await pool.query(fillPatterns("clock_timestamp()"), [rows]);
    },
    procedure: "select total_patterns as count from update_agent_knowledge()",
    bare: `
      with ranked as (
        select agent_id, pattern, confidence, learned_at,
               row_number() over (partition by agent_id order by confidence desc, learned_at desc, id desc) as place
          from learned_patterns where learned_at > now() - interval '24 hours'
      ), knowledge as (
        select agent_id, count(*)::integer as patterns, avg(confidence) as confidence,
               jsonb_agg(jsonb_build_object('pattern', pattern, 'confidence', confidence, 'learned_at', learned_at)
                         order by place) filter (where place <= 100) as known
          from ranked group by agent_id
      ), updated as (
        update agents a set known_patterns = k.known, pattern_count = k.patterns, confidence = k.confidence,
               knowledge_updated_at = clock_timestamp()
          from knowledge k where k.agent_id = a.agent_id returning k.agent_id, k.patterns, k.confidence
      ), sent as (
        select pgmq.send('agent-knowledge-updates', jsonb_build_object(
                 'agents_updated', count(*), 'total_patterns', sum(patterns), 'updated_at', clock_timestamp(),
                 'agents', jsonb_agg(jsonb_build_object(
                   'agent_id', agent_id, 'pattern_count', patterns, 'confidence', confidence))))
          from updated
      )
      select sum(patterns)::integer as count from updated where exists (select from sent)`,
    done: "select sum(pattern_count)::integer as done from agents",
    once: true,
  },
  {
    name: "assign_pending_tasks",
    async fill(pool, rows) {
      await pool.query(
        `insert into agents (agent_id, capacity) select 'agent-' || i, $1::integer from generate_series(1, 500) i`,
        [rows],
      );
      await pool.query(
        `insert into pending_tasks (agent_id, priority)
         select case when i % 2 = 0 then 'agent-' || 1 + i % 500 end, i % 10 from generate_series(1, $1::bigint) i`,
        [rows],
      );
    },
    procedure: "select tasks_assigned as count from assign_pending_tasks()",
    bare: `
      with chosen as (
        select id, coalesce(agent_id, 'agent-' || 1 + id % 500) as agent_id from pending_tasks
         where status = 'pending' order by priority desc, created_at, id limit 5000 for update skip locked
      ), assigned as (
        update pending_tasks t set status = 'assigned', assigned_to = c.agent_id, assigned_at = clock_timestamp()
          from chosen c where c.id = t.id returning 1
      )
      select count(*)::integer as count from assigned`,
    done: "select count(*)::integer as done from pending_tasks where status = 'assigned'",
  },
];
