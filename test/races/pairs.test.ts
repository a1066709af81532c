import { discardDeadLetters, replayDeadLetters } from "@centralcloud/dead-letters";
import type { Pool } from "pg";
import { describe, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { actionOn, judge, scopeOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useConnections } from "../support/single-connection.ts";
import { connectionsOf, expectSerial, type Pair } from "./collide.ts";

/*
 * Each pair of statements that share rows, by schedule and not by luck: one is held at each row that it comes to
 * while the other runs, and what is there afterwards is what one after the other would have made. None deadlocks.
 * The merges among themselves are in properties/merge-locks.
 */

const system = useSystem();
failOnLeaks(system);
const ofSource = useConnections(system, "singularity", 3);
const ofCentral = useConnections(system, "central", 3);

const queue = "centralcloud-new-patterns";
const source = "00000000-0000-4000-8000-000000000001";
const lane = `central.lane_id('${source}', '${queue}')`;

const results = `
  truncate analysis_results, learned_patterns, pgmq."q_${queue}" restart identity;
  insert into analysis_results (agent_id, result, confidence)
  select 'agent-' || g % 2, jsonb_build_object('n', g), 0.9 from generate_series(1, 4) g`;
const learn = "select * from learn_patterns_from_analysis()";
const learned = `
  select format('%s learned %s, as %s', r.id, r.learned, count(l.id)) as line
    from analysis_results r left join learned_patterns l on l.analysis_id = r.id group by r.id, r.learned
   union all
  select format('%s queued %s times', m.message -> 'pattern', count(*)) from pgmq."q_${queue}" m group by m.message -> 'pattern'
   order by 1`;

const tasks = `
  truncate agents, pending_tasks restart identity;
  insert into agents (agent_id, capacity) values ('a', 2), ('b', 2);
  insert into pending_tasks (agent_id) values ('a'), ('a'), ('b'), (null), (null)`;
const assign = "select * from assign_pending_tasks()";
const assigned = `
  select format('%s has %s', a.agent_id, count(t.id)) as line
    from agents a left join pending_tasks t on t.assigned_to = a.agent_id and t.status = 'assigned'
   group by a.agent_id
   union all
  select format('%s cancelled', count(*)) from pending_tasks where status = 'cancelled' order by 1`;

const patterns = `
  truncate agents, learned_patterns, learning_sync_log, pgmq."q_${queue}", pgmq."q_agent-knowledge-updates" restart identity;
  insert into learned_patterns (agent_id, pattern, confidence)
  select 'agent-' || g % 2, jsonb_build_object('n', g), 0.9 from generate_series(1, 4) g`;

const sessions = `
  truncate agent_sessions, pgmq."q_agent-sessions";
  update session_keys set active = false;
  insert into agent_sessions (id, agent_id, state)
  values ('00000000-0000-4000-8000-000000000001', 'a', '{"step": 1}'),
         ('00000000-0000-4000-8000-000000000002', 'b', '{"step": 1}')`;

const deadLetters = `
  truncate pgmq."q_${queue}", pgmq."q_${queue}-dlq", pgmq."a_${queue}-dlq" restart identity;
  insert into pgmq."q_${queue}-dlq" (vt, enqueued_at, message)
  select now(), now(), jsonb_build_object('original_message', '{}'::jsonb, 'original_message_id', g, 'queue', '${queue}',
    'original_enqueued_at', '2026-01-01T00:00:00+00:00', 'read_count', 1, 'reason', 'invalid',
    'error', '{"code": "x", "message": "x"}'::jsonb, 'attempts', '[]'::jsonb, 'dead_lettered_at', now())
    from generate_series(1, 3) g`;
const acting =
  (act: typeof replayDeadLetters | typeof discardDeadLetters) => async (pool: Pool) => {
    const scope = await scopeOf({ ...system, singularity: { ...system.singularity, pool } }, [
      queue,
    ]);
    await act(scope, {}, { ...actionOn(system), judge });
  };

const onSource: readonly Pair[] = [
  {
    name: "two learners",
    setup: results,
    first: learn,
    second: learn,
    afterwards: learn,
    tables: ["analysis_results"],
    content: learned,
  },
  {
    name: "a learner, and who learns one result by hand",
    setup: results,
    first: "select manually_learn_analysis(2)",
    second: learn,
    afterwards: learn,
    tables: ["analysis_results"],
    content: learned,
  },
  {
    name: "a learner, and an application that marks a result as to be learned once more",
    setup: `${results}; ${learn}; update analysis_results set learned = false where id < 3`,
    first: learn,
    second: "update analysis_results set learned = false where id = 1 and learned is not true",
    afterwards: learn,
    tables: ["analysis_results"],
    content: learned,
  },
  {
    name: "two assigners",
    setup: tasks,
    first: assign,
    second: assign,
    afterwards: assign,
    tables: ["agents", "pending_tasks"],
    content: assigned,
  },
  {
    name: "an assigner, and an application that cancels every task",
    setup: tasks,
    first: assign,
    second: "update pending_tasks set status = 'cancelled'",
    afterwards: assign,
    tables: ["agents", "pending_tasks"],
    content: assigned,
  },
  {
    name: "two syncs",
    setup: patterns,
    first: "select * from sync_learning_to_centralcloud()",
    second: "select * from sync_learning_to_centralcloud()",
    afterwards: "select * from sync_learning_to_centralcloud()",
    tables: ["learned_patterns"],
    content: `select format('%s queued %s times', m.message -> 'pattern', count(*)) as line from pgmq."q_${queue}" m group by m.message -> 'pattern'
               union all select format('%s unsynced', count(*)) from learned_patterns where synced_at is null order by 1`,
  },
  {
    name: "two that sum knowledge up",
    setup: `${patterns}; insert into agents (agent_id) values ('agent-0'), ('agent-1')`,
    first: "select * from update_agent_knowledge()",
    second: "select * from update_agent_knowledge()",
    afterwards: "select * from update_agent_knowledge()",
    tables: ["agents"],
    content:
      "select format('%s knows %s, %s', agent_id, pattern_count, jsonb_array_length(known_patterns)) as line from agents order by 1",
  },
  {
    name: "two that archive tasks",
    setup: `truncate agent_tasks, agent_tasks_archive;
            insert into agent_tasks (agent_id, duration_ms, status, created_at, completed_at)
            select 'a', g, 'completed', now() - interval '100 days', now() - interval '100 days' from generate_series(1, 3) g`,
    first: "select * from archive_completed_tasks(2, 5)",
    second: "select * from archive_completed_tasks(2, 5)",
    afterwards: "select * from archive_completed_tasks()",
    tables: ["agent_tasks"],
    content: `select format('%s archived %s times', duration_ms, count(*)) as line from agent_tasks_archive group by duration_ms
               union all select format('%s left', count(*)) from agent_tasks order by 1`,
  },
  {
    name: "two changes of one session",
    setup: sessions,
    first: `update agent_sessions set state = '{"step": 2}'`,
    second: "update agent_sessions set confidence = 0.25",
    tables: ["agent_sessions"],
    content:
      "select format('%s %s %s %s', id, state, confidence, unsynced) as line from agent_sessions order by 1",
  },
  {
    name: "two readers of a queue",
    setup: `truncate pgmq."q_${queue}" restart identity; select pgmq.send('${queue}', '{}') from generate_series(1, 4)`,
    first: `select * from pgmq.read('${queue}', 60, 2)`,
    second: `select * from pgmq.read('${queue}', 60, 2)`,
    afterwards: `select * from pgmq.read('${queue}', 60, 4)`,
    tables: [`pgmq."q_${queue}"`],
    content: `select format('%s read %s times', msg_id, read_ct) as line from pgmq."q_${queue}" order by 1`,
  },
  {
    name: "a claim that is extended, and its archiving",
    setup: `truncate pgmq."q_${queue}", pgmq."a_${queue}" restart identity;
            select pgmq.send('${queue}', '{}') from generate_series(1, 3); select pgmq.read('${queue}', 60, 3)`,
    first: `select * from pgmq.archive('${queue}', array[1, 2, 3]::bigint[])`,
    second: `select * from pgmq.set_vt('${queue}', 2, 90)`,
    tables: [`pgmq."q_${queue}"`],
    content: `select format('%s waits', msg_id) as line from pgmq."q_${queue}"
               union all select format('%s archived', msg_id) from pgmq."a_${queue}" order by 1`,
  },
  {
    name: "a replay and a discard of the same dead letters",
    setup: deadLetters,
    first: acting(replayDeadLetters),
    second: acting(discardDeadLetters),
    // What both left alone, because it was locked.
    afterwards: acting(discardDeadLetters),
    tables: [`pgmq."q_${queue}-dlq"`],
    // Who comes first has each of them; nobody has one twice, and none is lost.
    content: `select format('%s: %s', a.message ->> 'original_message_id',
                            (a.headers ->> 'action' = 'replay') =
                            exists (select from pgmq."q_${queue}" q where q.headers ->> 'replay_of' = a.message ->> 'original_message_id')) as line
                from pgmq."a_${queue}-dlq" a
               union all select format('%s left', count(*)) from pgmq."q_${queue}-dlq" order by 1`,
  },
  {
    name: "two replays of the same dead letters",
    setup: deadLetters,
    first: acting(replayDeadLetters),
    second: acting(replayDeadLetters),
    afterwards: acting(replayDeadLetters),
    tables: [`pgmq."q_${queue}-dlq"`],
    content: `select format('%s sent %s times', headers ->> 'replay_of', count(*)) as line from pgmq."q_${queue}" group by headers ->> 'replay_of' order by 1`,
  },
];

const message = (n: number) =>
  JSON.stringify({
    agent_id: "a",
    pattern: { n: n % 2 },
    learned_at: `2026-01-01T00:00:0${n}Z`,
    confidence: 0.5,
  });
const merge = (...ids: readonly number[]) =>
  `select * from central.merge_patterns('${source}', '${queue}', '{${ids.join(",")}}',
     array_fill('2026-01-01T00:00:00Z'::timestamptz, array[${ids.length}]), '[${ids.map(message).join(",")}]')`;
const emptied = `
  delete from central.processed_messages; delete from central.pruned_ranges; delete from central.delivery_failures;
  delete from central.pattern_agents; delete from central.patterns;
  select central.register_source('${source}', 'races')`;
const ledger = `
  ${emptied};
  insert into central.processed_messages (lane_id, msg_id, enqueued_at, processed_at)
  select ${lane}, g, '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z' from generate_series(1, 4) g`;
const prune = (below: number) =>
  `select central.prune_ledger('${source}', '${queue}', ${below}, '1 day')`;
const ledgerContent = `
  select format('ledger %s', msg_id) as line from central.processed_messages
   union all select format('range %s to %s', first_msg_id, last_msg_id) from central.pruned_ranges
   union all select format('%s observed %s times', pattern, observation_count) from central.patterns order by 1`;
const changes = (...lsns: readonly number[]) =>
  JSON.stringify(
    lsns.map((lsn) => ({
      lsn,
      ordinal: 0,
      committed_at: "2026-01-01T00:00:00Z",
      table_name: "agents",
      operation: "insert",
    })),
  );
const record = (upTo: number, ...lsns: readonly number[]) =>
  `select central.record_changes('${source}', '${changes(...lsns)}', ${upTo}, '2026-01-01T00:00:00Z', 1, 'r')`;
const begin = (lsn: number) =>
  `select central.begin_capture('${source}', 'races', 's', 'pgoutput', '1', 1, ${lsn}, '2026-01-01T00:00:00Z', 'r')`;
const captured = `
  delete from central.change_log; delete from central.capture_cursors; ${begin(10)}; ${record(20, 15)}`;
const captureContent = `
  select format('%s at %s from %s', operation, lsn, new_values ->> 'from') as line from central.change_log
   union all select format('cursor %s', lsn) from central.capture_cursors order by 1`;

const onCentral: readonly Pair[] = [
  {
    name: "a merge, and the pruning of what lies below it",
    setup: ledger,
    first: merge(4, 5, 6),
    second: prune(4),
    afterwards: prune(4),
    tables: ["central.processed_messages"],
    content: ledgerContent,
  },
  {
    name: "two prunings",
    setup: ledger,
    first: prune(4),
    second: prune(5),
    afterwards: prune(5),
    tables: ["central.processed_messages"],
    // Ranges may lie side by side.
    content: `select format('ledger %s', msg_id) as line from central.processed_messages
               union all select format('pruned %s', g) from central.pruned_ranges r
                 cross join lateral generate_series(r.first_msg_id, r.last_msg_id) g order by 1`,
  },
  {
    name: "two readers that record the same changes",
    setup: captured,
    first: record(40, 25, 30),
    second: record(35, 30),
    tables: ["central.capture_cursors"],
    content: captureContent,
  },
  {
    name: "a reader that records, and who begins anew after it",
    setup: captured,
    first: record(40, 25),
    second: begin(50),
    tables: ["central.capture_cursors", "central.sources"],
    content: `select format('cursor %s', (lsn >= 50)) as line from central.capture_cursors
               union all select format('gap from %s to %s', case when new_values ->> 'from' in ('0/14', '0/28') then 'the cursor' end,
                                new_values ->> 'to') from central.change_log where operation = 'gap' order by 1`,
  },
  {
    name: "a replica's report, and its farewell",
    setup: `delete from central.consumers; select central.report_consumer('${source}', '1', 'h')`,
    first: `select central.report_consumer('${source}', '1', 'h')`,
    second: `select central.retire_consumer('${source}')`,
    afterwards: `select central.retire_consumer('${source}')`,
    tables: ["central.consumers"],
    content: "select id::text as line from central.consumers",
  },
  {
    name: "failures that are forgotten, and one more attempt",
    setup: `${emptied};
      select central.record_failures('${source}', '${queue}', '${source}', '{1,2}', '{2026-01-01T00:00:00Z,2026-01-01T00:00:00Z}', '{c,c}', '{m,m}')`,
    first: `select central.forget_failures('${source}', '${queue}', '{1,2}', '{2026-01-01T00:00:00Z,2026-01-01T00:00:00Z}')`,
    second: `select central.forget_failures('${source}', '${queue}', '{2,1}', '{2026-01-01T00:00:00Z,2026-01-01T00:00:00Z}')`,
    tables: ["central.delivery_failures"],
    content: "select msg_id::text as line from central.delivery_failures order by 1",
  },
];

describe("what is done at once is as if it were done one after the other", () => {
  test.each(onSource)("$name", async (pair) => {
    await expectSerial(connectionsOf(system.singularity.pool, ofSource), pair);
  });
  test.each(onSource)("$name, the other one first", async (pair) => {
    const { first, second } = pair;
    const turned = { ...pair, first: second, second: first };
    await expectSerial(connectionsOf(system.singularity.pool, ofSource), turned);
  });
  test.each(onCentral)("$name", async (pair) => {
    await expectSerial(connectionsOf(system.central.pool, ofCentral), pair);
  });
  test.each(onCentral)("$name, the other one first", async (pair) => {
    const { first, second } = pair;
    const turned = { ...pair, first: second, second: first };
    await expectSerial(connectionsOf(system.central.pool, ofCentral), turned);
  });
});
