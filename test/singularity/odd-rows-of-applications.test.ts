import { runJob } from "@centralcloud/scheduler";
import { beforeEach, describe, expect, test } from "vitest";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { runEveryJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { addNewKey } from "../support/session-keys.ts";

/* What an application's rights allow it to write, and what the jobs make of all other rows. */

const system = useSystem();
const members = useMembers(system, { application: "centralcloud_application" });
failOnLeaks(system);
const query = async (text: string, values?: unknown[]) =>
  (await system.singularity.pool.query(text, values)).rows;
/** As a login of the application's. */
const write = (text: string, values?: unknown[]) =>
  members.application.singularity.pool.query(text, values);
const runJobs = () => runEveryJob(system.singularity);

/** A document that is as deep as jsonb goes: no other can hold it. Many levels at a time, since one by one takes a minute. */
const writeDeepest = `do $$
  declare
    v_document jsonb := '{}';
    v_levels integer := 2048;
  begin
    while v_levels > 0 loop
      begin
        v_document := jsonb_set(
          (repeat('{"a":', v_levels) || 'null' || repeat('}', v_levels))::jsonb,
          array_fill('a'::text, array[v_levels]), v_document);
      exception when program_limit_exceeded then v_levels := v_levels / 2;
      end;
    end loop;
    insert into analysis_results (agent_id, result) values ('deep', v_document);
  end $$`;

beforeEach(() =>
  query(`truncate analysis_results, learned_patterns, agent_sessions, agents, agent_tasks, pending_tasks, learning_sync_log;
         truncate pgmq."q_centralcloud-new-patterns", pgmq."q_agent-sessions", pgmq."q_agent-knowledge-updates"`),
);

describe("analysis results", () => {
  const good = () =>
    write(
      "insert into analysis_results (agent_id, result) select 'good', jsonb_build_object('n', i) from generate_series(1, 20) i",
    );
  const queuedOfGood = async () =>
    (
      await query(
        `select count(*)::integer from pgmq."q_centralcloud-new-patterns" where message ->> 'agent_id' = 'good'`,
      )
    )[0]?.count;

  test("as deep as jsonb goes hold up no other, and tell why they wait", async () => {
    await good();
    await write(writeDeepest);
    await good();
    await runJobs();
    expect(await queuedOfGood()).toBe(40);
    const [deep] = await query(
      "select sync_error, synced_at from learned_patterns where agent_id = 'deep'",
    );
    expect(deep).toEqual({ sync_error: expect.stringContaining("stack depth"), synced_at: null });
    expect(await query("select agent_id, pattern_count from agents order by agent_id")).toEqual([
      { agent_id: "deep", pattern_count: 1 },
      { agent_id: "good", pattern_count: 40 },
    ]);
    const findings = (await examine(system)).filter(({ check }) => check === "unsynced");
    expect(findings).toMatchObject([{ message: expect.stringContaining("stack depth") }]);
    await runJobs();
  });

  test("that a rule of the table refuses are marked with the reason, and the others learned", async () => {
    await query(
      "alter table learned_patterns add constraint trap check (pattern ->> 'n' <> '7') not valid",
    );
    await good();
    await runJobs();
    expect(await queuedOfGood()).toBe(19);
    expect(
      await query(
        "select learned, learn_error from analysis_results where learn_error is not null",
      ),
    ).toEqual([{ learned: false, learn_error: expect.stringContaining('"trap"') }]);
    await query("alter table learned_patterns drop constraint trap");
  });

  /** Codes that tell of a fault of rights, of an object or of the server, where they are not a trigger's own words. */
  const anyCode = ["42501", "42P01", "55000", "XX000", "40001", "53200", "P0004", "22000"];

  /** As its owner: a trigger that refuses one of the agents. */
  const refuseBad = (table: string, agent: string, code: string) =>
    query(`
      create or replace function refuse_agent() returns trigger language plpgsql as $$
      begin
        if ${agent} = 'bad' then raise exception 'bad' using errcode = '${code}'; end if;
        return new;
      end $$;
      create trigger refuse_agent before insert on ${table} for each row execute function refuse_agent()`);

  test.each(anyCode)(
    "one that a trigger refuses with %s is marked, and the others are learned",
    async (code) => {
      await refuseBad("learned_patterns", "new.agent_id", code);
      try {
        await good();
        await write("insert into analysis_results (agent_id, result) values ('bad', '{}')");
        await good();
        await runJobs();
      } finally {
        await query("drop trigger refuse_agent on learned_patterns");
      }
      expect(await queuedOfGood()).toBe(40);
      expect(
        await query(
          "select agent_id, learned, learn_error from analysis_results where learned is not true",
        ),
      ).toEqual([{ agent_id: "bad", learned: false, learn_error: "bad" }]);
    },
  );

  test.each(anyCode)(
    "one whose message the queue refuses with %s is marked, and the others are queued",
    async (code) => {
      const queue = 'pgmq."q_centralcloud-new-patterns"';
      await refuseBad(queue, "new.message ->> 'agent_id'", code);
      try {
        await good();
        await write("insert into analysis_results (agent_id, result) values ('bad', '{}')");
        await good();
        await runJobs();
      } finally {
        await query(`drop trigger refuse_agent on ${queue}`);
      }
      expect(await queuedOfGood()).toBe(40);
      expect(
        await query(
          "select agent_id, synced_at, sync_error from learned_patterns where synced_at is null",
        ),
      ).toEqual([{ agent_id: "bad", synced_at: null, sync_error: "bad" }]);
      await runJobs();
      expect(await query("select agent_id from learned_patterns where synced_at is null")).toEqual(
        [],
      );
    },
  );

  test("are not blamed for a fault that every row would meet", async () => {
    await query("alter table learned_patterns rename to elsewhere");
    await good();
    const run = await runJob(system.singularity.pool, "learn-patterns-every-5min", "test");
    await query("alter table elsewhere rename to learned_patterns");
    expect(run).toMatchObject({ status: "failed", error: expect.stringContaining("42P01") });
    expect(await query("select distinct learn_error from analysis_results")).toEqual([
      { learn_error: null },
    ]);
    await runJobs();
    expect(await queuedOfGood()).toBe(20);
  });
});

describe("sessions", () => {
  test.each(["infinity", "-infinity", "294276-12-31 23:59:59.999999+00", "4714-11-24 BC"])(
    "that were synced at %s are synced, and so are all others",
    async (at) => {
      const key = await addNewKey(system.singularity, `key-${at.replaceAll(/\W/g, "-")}`, {
        activate: true,
      });
      await write("insert into agent_sessions (agent_id) values ('odd'), ('good')");
      await drainAll(system, { sessionKeys: [key] });
      await write(
        "update agent_sessions set last_synced_at = $1, unsynced = true where agent_id = 'odd'",
        [at],
      );
      await write(`update agent_sessions set state = '{"step": 2}'`);
      await write("update agent_sessions set unsynced = true");
      await runJobs();
      expect(
        await query(
          `select count(*)::integer, bool_and(abs(extract(epoch from clock_timestamp() - last_synced_at)) < 60) as now
             from agent_sessions where not unsynced`,
        ),
      ).toEqual([{ count: 2, now: true }]);
      const { report } = await drainAll(system, { sessionKeys: [key] });
      expect(report).toMatchObject({ deadLettered: 0 });
    },
  );

  test("that fail each time keep no other waiting, however many they are", async () => {
    await addNewKey(system.singularity, "another-key", { activate: true });
    await query(
      `create function refuse_bad() returns trigger language plpgsql as $$
       begin
         if new.message ->> 'agent_id' = 'bad' then raise exception 'bad'; end if;
         return new;
       end $$;
       create trigger refuse_bad before insert on pgmq."q_agent-sessions" for each row execute function refuse_bad()`,
    );
    await write(
      `insert into agent_sessions (id, agent_id)
       select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'bad' from generate_series(1, 1100) i`,
    );
    await query("update session_keys set active = false");
    await write(
      "insert into agent_sessions (id, agent_id) values ('ffffffff-0000-4000-8000-000000000000', 'good')",
    );
    await query("update session_keys set active = true where key_id = 'another-key'");
    for (let run = 1; run <= 2; run += 1) await runJobs();
    expect(await query("select unsynced from agent_sessions where agent_id = 'good'")).toEqual([
      { unsynced: false },
    ]);
    await query(`drop trigger refuse_bad on pgmq."q_agent-sessions"`);
  });
});

describe("agents", () => {
  const learned = (agent: string) =>
    query("insert into learned_patterns (agent_id, pattern, confidence) values ($1, '{}', 0.5)", [
      agent,
    ]);
  const delivered = async () =>
    (
      await query(
        `select message -> 'agents_updated' as count, jsonb_path_query_array(message, '$.agents[*].agent_id') as agents
           from pgmq."q_agent-knowledge-updates" order by msg_id`,
      )
    ).map(({ count, agents }) => [count, agents]);

  test("that CentralCloud would refuse are left out of the summary, and stay marked with the reason", async () => {
    await write(
      "insert into agents (agent_id, knowledge_unsynced) values (repeat('a', 10000), true)",
    );
    await learned("good");
    await runJobs();
    expect(await delivered()).toEqual([[1, ["good"]]]);
    expect(
      await query(
        "select knowledge_unsynced, knowledge_error from agents order by length(agent_id)",
      ),
    ).toEqual([
      { knowledge_unsynced: false, knowledge_error: null },
      { knowledge_unsynced: true, knowledge_error: "agent_id is longer than 512 characters" },
    ]);
    const findings = (await examine(system)).filter(({ check }) => check === "unsynced");
    expect(findings).toMatchObject([{ message: expect.stringContaining("agents 1") }]);
  });

  test("can't be given a negative number of patterns; one that an older version let in is told", async () => {
    await expect(
      write("insert into agents (agent_id, pattern_count) values ('a', -1)"),
    ).rejects.toThrow("pattern_count_is_not_negative");
    await query("alter table agents drop constraint pattern_count_is_not_negative");
    await write(
      "insert into agents (agent_id, pattern_count, knowledge_unsynced) values ('odd', -1, true), ('good', 1, true)",
    );
    await runJobs();
    expect(await delivered()).toEqual([[1, ["good"]]]);
    await query(
      `update agents set pattern_count = 0 where pattern_count < 0;
       alter table agents add constraint pattern_count_is_not_negative check (pattern_count >= 0)`,
    );
  });

  test("that somebody has locked keep no other waiting", async () => {
    await learned("good");
    await learned("locked");
    await runJobs();
    await query(`truncate pgmq."q_agent-knowledge-updates"`);
    const client = await members.application.singularity.pool.connect();
    await client.query("begin; update agents set capacity = 3 where agent_id = 'locked'");
    try {
      await runJobs();
    } finally {
      await client.query("commit");
      client.release();
    }
    expect(await delivered()).toEqual([[1, ["good"]]]);
  });

  test.each(["now() + interval '2 hours'", "'infinity'", "'294276-12-31'"])(
    "have their knowledge stored though it was last sent at %s",
    async (at) => {
      await learned("a");
      await runJobs();
      await drainAll(system);
      await write(`update agents set knowledge_synced_at = ${at}`);
      const [before] = await query("select knowledge_synced_at::text as at from agents");
      await learned("a");
      await runJobs();
      const { report } = await drainAll(system);
      expect(report).toMatchObject({ deadLettered: 0 });
      const { rows } = await system.central.pool.query(
        `select pattern_count::integer, updated_at::text as at from central.agent_knowledge
          where source_id = (select source_id from central.sources order by last_seen_at desc limit 1)
            and agent_id = 'a'`,
      );
      expect(rows[0]?.pattern_count).toBe(2);
      if (at.startsWith("now")) expect(rows[0]?.at > before?.at).toBe(true);
      await system.central.pool.query("truncate central.agent_knowledge");
    },
  );
});
