import { beforeAll, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { attempt, useMembers } from "../support/logins.ts";

const system = useSystem();
const members = useMembers(system, {
  application: "centralcloud_application",
  consumer: "centralcloud_consumer",
  jobs: "centralcloud_jobs",
  auditor: "centralcloud_auditor",
  nobody: undefined,
});
failOnLeaks(system);

const queue = "centralcloud-new-patterns";
const patterns = `pgmq."q_${queue}"`;
const entries = JSON.stringify([
  {
    lsn: 1,
    ordinal: 0,
    committed_at: "2026-11-24T15:00:00Z",
    table_name: "a",
    operation: "insert",
  },
]);
const merge = (name: string, queue: string) =>
  `select central.${name}(gen_random_uuid(), '${queue}', '{}', '{}', '[]')`;

beforeAll(async () => {
  await system.singularity.pool.query("select pgmq.create('another')");
});

describe("a role may do its work, on a Singularity database", () => {
  test.each([
    ["application", "insert into agents (agent_id) values ('agent-1')"],
    [
      "application",
      `insert into analysis_results (agent_id, result, confidence, learned) values ('agent-1', '{"type":"retry"}', 0.95, false)`,
    ],
    [
      "application",
      `insert into agent_sessions (agent_id, state) values ('agent-1', '{"step":1}') returning id`,
    ],
    ["application", `update agent_sessions set state = '{"step":2}' where agent_id = 'agent-1'`],
    ["application", "insert into pending_tasks (agent_id) values ('agent-1')"],
    [
      "application",
      "insert into agent_tasks (agent_id, duration_ms, status) values ('agent-1', 12, 'completed')",
    ],
    ["application", "update agents set status = 'inactive'"],
    ["application", "update agent_tasks set status = 'completed', completed_at = now()"],
    ["application", "select * from learned_patterns, agent_tasks_archive, agent_performance_5min"],
    ["application", "select * from learn_patterns_from_analysis()"],
    ["application", "select * from update_agent_knowledge()"],
    ["application", "select * from sync_learning_to_centralcloud()"],
    ["application", "select * from assign_pending_tasks()"],
    ["application", "select gen_ulid(), ulid_timestamp(gen_ulid())"],
    ["consumer", "select * from singularity_source"],
    ["consumer", "select * from pgmq.read('centralcloud-new-patterns', 30, 10)"],
    ["consumer", "select * from pgmq.read('agent-sessions', 30, 10)"],
    ["consumer", "select * from pgmq.read('agent-knowledge-updates', 30, 10)"],
    ["consumer", "select * from pgmq.archive('agent-sessions', array[1::bigint])"],
    ["consumer", "select * from pgmq.metrics('agent-sessions')"],
    ["consumer", "select * from pgmq.metrics('agent-sessions-dlq')"],
    ["consumer", "select * from pgmq.send('agent-sessions-dlq', '{}')"],
    ["jobs", "select * from run_job('assign-tasks-every-2min')"],
    ["jobs", "select * from job_times"],
    ["auditor", "select * from agents, analysis_results, learned_patterns, pending_tasks"],
    ["auditor", "select id, agent_id, confidence, last_synced_at from agent_sessions"],
    ["auditor", "select * from singularity_source"],
    ["auditor", "select end_publication()"],
    ["nobody", "select gen_ulid(), uuid_to_ulid(gen_random_uuid())"],
  ] as const)("%s: %s", async (member, statement) => {
    expect(await attempt(members[member].singularity, statement)).toBe("allowed");
  });
});

describe("a role may do nothing else, on a Singularity database", () => {
  test.each([
    ["application", "select * from session_keys"],
    ["application", "select * from seal_session_state('{}')"],
    ["application", "select * from add_session_key('k', 'openpgp', '')"],
    ["application", `select * from ${patterns}`],
    ["application", "select * from pgmq.send('centralcloud-new-patterns', '{}')"],
    ["application", "select * from pgmq.read('agent-sessions', 0, 1)"],
    ["application", "select * from create_queue('agent-sessions')"],
    ["application", "select * from queue_unsynced_sessions(1)"],
    ["application", "select * from queue_agent_session(gen_random_uuid())"],
    ["application", "select * from learn_analysis_results('{1}')"],
    ["application", "select * from run_job('assign-tasks-every-2min')"],
    ["application", "update learned_patterns set confidence = 1"],
    ["application", "delete from agent_sessions"],
    ["application", "delete from agents"],
    ["application", "update singularity_source set name = 'x'"],
    ["application", "select * from learning_sync_log"],
    ["application", "insert into scheduled_jobs values ('x', '* * * * *', 'x', 'x')"],
    ["application", "create table mine ()"],
    ["application", "select * from centralcloud_migrations.migrations"],
    ["consumer", "select * from session_keys"],
    ["consumer", "select state from agent_sessions"],
    ["consumer", "select * from agents"],
    ["consumer", "select * from learned_patterns"],
    ["consumer", "insert into analysis_results (agent_id) values ('a')"],
    ["consumer", "select * from pgmq.read('another', 30, 10)"],
    ["consumer", "select * from pgmq.q_another"],
    ["consumer", "select * from pgmq.a_another"],
    ["consumer", "select * from pgmq.send('centralcloud-new-patterns', '{}')"],
    ["consumer", "select * from pgmq.read('agent-sessions-dlq', 30, 10)"],
    ["consumer", `delete from pgmq."q_agent-sessions-dlq"`],
    ["consumer", `delete from pgmq."a_agent-sessions"`],
    ["consumer", `select * from pgmq."a_agent-sessions-dlq"`],
    ["consumer", `truncate ${patterns}`],
    ["consumer", "select * from pgmq.meta"],
    ["consumer", "select pgmq.create('mine')"],
    ["consumer", "select pgmq.drop_queue('agent-sessions')"],
    ["consumer", "select create_queue('agent-sessions')"],
    ["consumer", "select * from learn_patterns_from_analysis()"],
    ["consumer", "select * from run_job('assign-tasks-every-2min')"],
    ["consumer", "create table mine ()"],
    ["jobs", "select * from learn_patterns_from_analysis()"],
    ["jobs", "select * from assign_pending_tasks()"],
    ["jobs", "select * from refresh_metrics()"],
    ["jobs", "select * from cleanup_queue_archives()"],
    ["jobs", "select * from agents"],
    ["jobs", "select * from scheduled_jobs"],
    ["jobs", "insert into scheduled_jobs values ('x', '* * * * *', 'x', 'x')"],
    ["jobs", "delete from job_runs"],
    ["jobs", "select * from session_keys"],
    ["jobs", `select * from ${patterns}`],
    ["auditor", "select state from agent_sessions"],
    ["auditor", "select * from agent_sessions"],
    ["auditor", "select s from agent_sessions s"],
    ["auditor", "select id from agent_sessions where state ? 'secret'"],
    ["auditor", "select * from session_keys"],
    ["consumer", "select publish_for_capture('{agents}')"],
    ["application", "select end_publication()"],
    ["auditor", "update agents set status = 'inactive'"],
    ["auditor", "select * from learn_patterns_from_analysis()"],
    ["auditor", `select * from pgmq."q_agent-sessions"`],
    ["nobody", "select * from agents"],
    ["nobody", "select * from learn_patterns_from_analysis()"],
    ["nobody", "select * from manually_learn_analysis(1)"],
    ["nobody", "select * from update_agent_knowledge()"],
    ["nobody", "select * from sync_learning_to_centralcloud()"],
    ["nobody", "select * from assign_pending_tasks()"],
    ["nobody", "select * from run_job('assign-tasks-every-2min')"],
    ["nobody", `select * from ${patterns}`],
  ] as const)("%s: %s", async (member, statement) => {
    expect(await attempt(members[member].singularity, statement)).toBe("refused");
  });
});

describe("a role may do its work, on the central database", () => {
  test.each([
    ["consumer", "select central.register_source(gen_random_uuid(), 'a source')"],
    ["consumer", merge("merge_patterns", "centralcloud-new-patterns")],
    ["consumer", merge("merge_sessions", "agent-sessions")],
    ["consumer", merge("merge_knowledge", "agent-knowledge-updates")],
    ["consumer", "select * from central.sources, central.lanes, central.processed_messages"],
    ["consumer", "select * from central.patterns, central.pattern_agents"],
    ["consumer", "select * from central.agent_sessions, central.agent_knowledge"],
    ["consumer", "select * from central.knowledge_summaries, central.consensus_patterns"],
    ["auditor", `select central.record_changes(gen_random_uuid(), '${entries}')`],
    [
      "auditor",
      "select central.begin_capture(gen_random_uuid(), 'a', 's', 'pgoutput', '1', 1, 0, now(), 'r')",
    ],
    ["auditor", "select central.end_capture(gen_random_uuid(), 'r', 'why')"],
    ["auditor", "select central.maintain_change_log(90)"],
    ["auditor", "select * from central.capture_cursors"],
    ["auditor", "select * from central.change_log"],
  ] as const)("%s: %s", async (member, statement) => {
    expect(await attempt(members[member].central, statement)).toBe("allowed");
  });
});

describe("a role may do nothing else, on the central database", () => {
  test.each([
    ["consumer", "insert into central.sources (source_id, name) values (gen_random_uuid(), 'x')"],
    ["consumer", "update central.patterns set source_count = 3"],
    ["consumer", "delete from central.processed_messages"],
    ["consumer", "truncate central.agent_sessions"],
    ["consumer", "select central.lane_id(gen_random_uuid(), 'x')"],
    ["consumer", "select * from central.change_log"],
    ["consumer", "select * from central.operator_actions"],
    ["consumer", "create table central.mine ()"],
    ["consumer", "select * from centralcloud_migrations.migrations"],
    ["auditor", "insert into central.change_log select * from central.change_log"],
    ["auditor", "update central.capture_cursors set lsn = 0"],
    ["auditor", "select central.mark_change_log(gen_random_uuid(), 'end', 1, now(), '{}')"],
    ["auditor", "select central.ensure_change_log_partition(current_date)"],
    ["auditor", "update central.change_log set operation = 'delete'"],
    ["auditor", "delete from central.change_log"],
    ["auditor", "select * from central.patterns"],
    ["auditor", "select * from central.agent_sessions"],
    ["auditor", "select central.register_source(gen_random_uuid(), 'x')"],
    ["application", "select * from central.patterns"],
    ["application", merge("merge_patterns", "centralcloud-new-patterns")],
    ["jobs", "select * from central.sources"],
    ["nobody", "select * from central.consensus_patterns"],
    ["nobody", merge("merge_sessions", "agent-sessions")],
  ] as const)("%s: %s", async (member, statement) => {
    expect(await attempt(members[member].central, statement)).toBe("refused");
  });
});

test("whoever captures changes may make a slot as the role, whose attribute is not inherited", async () => {
  const { pool } = members.auditor.singularity;
  const slot = "slot_of_roles_test";
  const create = `select pg_create_logical_replication_slot('${slot}', 'pgoutput', true)`;
  expect(await attempt(members.auditor.singularity, create)).toBe("refused");
  const client = await pool.connect();
  await client.query("set role centralcloud_auditor");
  await client.query(create);
  await client.query(`select pg_drop_replication_slot('${slot}'); reset role`);
  client.release();
});

describe.each([
  ["singularity", "public"],
  ["central", "central"],
] as const)("on the %s side", (side, schema) => {
  test("everything of ours belongs to centralcloud_owner", async () => {
    const { rows } = await system[side].pool.query(
      `select c.oid::regclass::text as name from pg_class c
        where c.relnamespace in ($1::regnamespace, 'centralcloud_migrations'::regnamespace)
          and c.relowner <> 'centralcloud_owner'::regrole
       union all
       select p.oid::regprocedure::text from pg_proc p
        where p.pronamespace = $1::regnamespace and p.proowner <> 'centralcloud_owner'::regrole
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`,
      [schema],
    );
    expect(rows).toEqual([]);
  });

  test("no function is for everybody, but those that make and read ULIDs", async () => {
    const { rows } = await system[side].pool.query<{ name: string }>(
      `select p.proname as name from pg_proc p
        where p.pronamespace = $1::regnamespace
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
          and has_function_privilege('public', p.oid, 'execute')
        order by 1`,
      [schema],
    );
    const ulids = ["decode_base32", "encode_base32", "gen_ulid", "gen_ulids"];
    ulids.push("ulid_timestamp", "ulid_to_uuid", "uuid_to_ulid");
    const remedy =
      "each other function's file ends with: revoke execute on function … from public;";
    expect(
      rows.map(({ name }) => name),
      remedy,
    ).toEqual(side === "singularity" ? ulids : []);
  });

  test("every function looks names up in pg_catalog first, and in its caller's temporary schema last", async () => {
    const { rows } = await system[side].pool.query(
      `select p.oid::regprocedure::text as name from pg_proc p
        where p.pronamespace = $1::regnamespace
          and not 'search_path=pg_catalog, pg_temp' = any (coalesce(p.proconfig, '{}'))
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`,
      [schema],
    );
    expect(rows).toEqual([]);
  });

  test("nobody can log in but the job runner, which has no password, and none has more than its grants", async () => {
    const { rows } = await system[side].pool.query(
      `select rolname, rolcanlogin, rolsuper or rolcreaterole or rolcreatedb or rolbypassrls as powerful,
              (select count(*)::integer from pg_auth_members m where m.member = r.oid) as memberships,
              (select a.rolpassword from pg_authid a where a.oid = r.oid) as password
         from pg_roles r where rolname ~ '^centralcloud_' order by 1`,
    );
    const rest = { powerful: false, memberships: 0, password: null };
    expect(rows).toEqual([
      { rolname: "centralcloud_application", rolcanlogin: false, ...rest },
      { rolname: "centralcloud_auditor", rolcanlogin: false, ...rest },
      { rolname: "centralcloud_consumer", rolcanlogin: false, ...rest },
      { rolname: "centralcloud_jobs", rolcanlogin: true, ...rest },
      { rolname: "centralcloud_owner", rolcanlogin: false, ...rest },
    ]);
  });
});
