import { describe, expect, test } from "vitest";
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
    ["jobs", "select * from run_job_step('learn-patterns-every-5min')"],
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
  test("everything of ours belongs to centralcloud_owner, but for what indexes run as whoever owns the queues", async () => {
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
    const ofIndexes = [{ name: "dead_letter_fingerprint(text,jsonb)" }];
    expect(rows).toEqual(side === "singularity" ? ofIndexes : []);
  });

  test("every function looks names up in pg_catalog first, and in its caller's temporary schema last", async () => {
    const { rows } = await system[side].pool.query(
      `select p.oid::regprocedure::text as name from pg_proc p
        where p.pronamespace = $1::regnamespace
          and not 'search_path=pg_catalog, pg_temp' = any (coalesce(p.proconfig, '{}'))
          -- A procedure that commits may have no settings, and runs with its caller's rights and path.
          and not (p.prokind = 'p' and not p.prosecdef and p.prosrc like '% commit;%')
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
      { rolname: "centralcloud_operator", rolcanlogin: false, ...rest },
      { rolname: "centralcloud_owner", rolcanlogin: false, ...rest },
      { rolname: "centralcloud_viewer", rolcanlogin: false, ...rest },
    ]);
  });
});
