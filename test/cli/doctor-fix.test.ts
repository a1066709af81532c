import { queueNames } from "@centralcloud/contracts";
import { describe, expect, test } from "vitest";
import { problem } from "../support/doctor.ts";
import { installFakePgCron } from "../support/fake-pg-cron.ts";
import { useHealthySystem } from "../support/healthy-system.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useHealthySystem();
const { query, queryCentral, unwell, fixAll } = system;
failOnLeaks();

const queue = "centralcloud-new-patterns";

describe("bloat", () => {
  // That autovacuum is off, which keeps the dead rows, is found by another check.
  const foundHere = async () => (await unwell()).filter(({ check }) => check !== "drift");
  const table = `pgmq."q_${queue}"`;

  test("is found in queues and central tables, and fixed", async () => {
    await query(`alter table ${table} set (autovacuum_enabled = off)`);
    await query(
      `select pgmq.send_batch('${queue}', array(select '{}'::jsonb from generate_series(1, 11000)))`,
    );
    await query(`delete from ${table}; select pg_stat_force_next_flush()`);
    await queryCentral("alter table central.patterns set (autovacuum_enabled = off)");
    await queryCentral(
      `insert into central.patterns (fingerprint, pattern, observation_count, agent_count, source_count,
                                     confidence_max, confidence_sum, first_learned_at, last_learned_at)
       select sha256(n::text::bytea), '{}', 1, 1, 0, 1, 1, now(), now() from generate_series(1, 11000) n;
       delete from central.patterns;
       select pg_stat_force_next_flush()`,
    );
    await until("the statistics to know", async () => (await foundHere()).length === 2);
    expect(await foundHere()).toEqual([
      problem(
        "warning",
        /^pgmq\."q_centralcloud-new-patterns" has 11000 dead rows beside 0 live ones: autovacuum lags/,
        /^vacuum \(analyze\) pgmq\."q_centralcloud-new-patterns"; where that leaves them/,
      ),
      problem(
        "warning",
        /^central\.patterns has 11000 dead rows/,
        /^vacuum \(analyze\) central\.pat/,
      ),
    ]);
    const { repairs, findings } = await fixAll();
    expect(repairs.map(({ what, error }) => ({ what, error }))).toEqual([
      { what: `vacuum (analyze) ${table}`, error: undefined },
      { what: "vacuum (analyze) central.patterns", error: undefined },
    ]);
    expect(
      findings.filter(({ severity, check }) => severity !== "ok" && check !== "drift"),
    ).toEqual([]);
    expect((await fixAll()).repairs).toEqual([]);
    await query(`alter table ${table} reset (autovacuum_enabled)`);
    await queryCentral("alter table central.patterns reset (autovacuum_enabled)");
  });

  test("stays while somebody might see the dead rows, and that is not hidden", async () => {
    await query(`alter table ${table} set (autovacuum_enabled = off)`);
    const reader = await system.singularity.pool.connect();
    await reader.query("begin isolation level repeatable read; select 1");
    await query(
      `select pgmq.send_batch('${queue}', array(select '{}'::jsonb from generate_series(1, 11000)))`,
    );
    await query(`delete from ${table}; select pg_stat_force_next_flush()`);
    await until("the statistics to know", async () => (await foundHere()).length === 1);
    const { findings, repairs } = await fixAll();
    expect(repairs).toMatchObject([
      {
        error: expect.stringMatching(
          /^11000 dead rows are left: process \d+ \(test-harness of \w+\) may still see them, whose transaction/,
        ),
      },
    ]);
    expect(
      findings.filter(({ severity, check }) => severity !== "ok" && check !== "drift"),
    ).toEqual([
      problem("warning", /11000 dead rows/, /the checks snapshots and capture-slot say who/),
    ]);
    await reader.query("commit");
    reader.release();
    await fixAll();
    await query(`alter table ${table} reset (autovacuum_enabled)`);
  });

  test("a large table without statistics is analyzed", async () => {
    await query(
      "create table pgmq.test_of_statistics with (autovacuum_enabled = off) as select generate_series(1, 12000) as n; select pg_stat_force_next_flush()",
    );
    await until("the statistics to know", async () => (await foundHere()).length === 1);
    expect(await foundHere()).toEqual([
      problem(
        "warning",
        /test_of_statistics has 12000 rows and was never an/,
        /^analyze pgmq\.test/,
      ),
    ]);
    await fixAll();
    expect(await foundHere()).toEqual([]);
    await query("drop table pgmq.test_of_statistics");
  });
});

test("a replica that ended silently is found, and taken off the list", async () => {
  await queryCentral(
    `insert into central.consumers (id, version, host, last_seen_at)
     values (gen_random_uuid(), '0.1.0', 'dead-host', now() - interval '5 minutes'),
            (gen_random_uuid(), '0.1.0', 'live-host', now())`,
  );
  expect(await unwell()).toEqual([
    problem(
      "warning",
      /on dead-host ended without signing off 30\d s ago/,
      /central\.retire_consumer/,
    ),
  ]);
  const { repairs, findings } = await fixAll();
  expect(repairs).toEqual([
    {
      check: "consumers",
      database: expect.stringMatching(/^central /),
      what: expect.stringMatching(/^select central\.retire_consumer\('[0-9a-f-]{36}'\)$/),
    },
  ]);
  expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([]);
  const { rows } = await queryCentral("delete from central.consumers returning host");
  expect(rows).toEqual([{ host: "live-host" }]);
});

describe("queues", () => {
  test("what create_queue gives is given again, from the command line", async () => {
    await query(
      `select pgmq.drop_queue('agent-sessions-dlq'), pgmq.drop_queue('${queue}'), pgmq.create('${queue}');
       drop index pgmq."q_agent-knowledge-updates-dlq_enqueued_at_idx",
                  pgmq."q_agent-knowledge-updates-dlq_fingerprint_idx"`,
    );
    const environment = {
      SOURCE_DATABASE_URLS: system.singularity.url,
      CENTRAL_DATABASE_URL: system.central.url,
    };
    expect(await unwell()).toContainEqual(
      problem("warning", /^agent-knowledge-updates-dlq has no index by time/, /create_queue/),
    );
    expect(await unwell()).toContainEqual(
      problem(
        "warning",
        /^agent-knowledge-updates-dlq has no index by fingerprint/,
        /create_queue/,
      ),
    );
    const first = await runCommand(["doctor", "--fix"], environment);
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    const fixed = first.stdout.split("\n").filter((line) => line.startsWith("fixed"));
    expect(fixed).toEqual(
      queueNames.map((name) =>
        expect.stringMatching(
          new RegExp(
            `^fixed {3}queues {2}source \\S+ {2}select public\\.create_queue\\('${name}'\\)$`,
          ),
        ),
      ),
    );
    expect(first.stdout).toMatch(/\n0 errors, 0 warnings, \d+ ok\n$/);
    const second = await runCommand(["doctor", "--fix", "--json"], environment);
    expect(JSON.parse(second.stdout)).toMatchObject({ repairs: [], summary: { warnings: 0 } });
  });

  test("what can't be fixed by this login is said, and stays an error", async () => {
    await query(
      "create role doctor_test login password 'doctor-test' in role centralcloud_consumer",
    );
    await query("select pgmq.drop_queue('agent-sessions-dlq')");
    const url = new URL(system.singularity.url);
    url.username = "doctor_test";
    url.password = "doctor-test";
    const { exitCode, stdout } = await runCommand(["doctor", "--fix", "--json"], {
      SOURCE_DATABASE_URLS: url.href,
      CENTRAL_DATABASE_URL: system.central.url,
    });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).repairs).toEqual([
      expect.objectContaining({ error: expect.stringContaining("permission denied") }),
    ]);
    await query("select public.create_queue('agent-sessions')");
    await query("drop role doctor_test");
  });

  test("dead letters are counted, with the age of the oldest, and never touched", async () => {
    await query(
      `select pgmq.send('${queue}-dlq', '{}');
       update pgmq."q_${queue}-dlq" set enqueued_at = '2026-01-02T03:04:05Z'`,
    );
    const { findings, repairs } = await fixAll();
    expect(repairs).toEqual([]);
    expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([
      problem(
        "warning",
        /-dlq: 1 dead letter in it, the oldest of 2026-01-02T03:04:05\.000Z$/,
        /centralcloud dlq groups.*docs\/operate\/dead-letters\.md/,
      ),
    ]);
    await query(`delete from pgmq."q_${queue}-dlq"`);
  });
});

describe("pg_cron", () => {
  test("that does not have the jobs gets them, and what it could not start is found", async () => {
    await installFakePgCron(system.singularity, [system.singularity]);
    const found = async () => (await unwell()).filter(({ check }) => /cron|scheduling/.test(check));
    expect(await found()).toEqual([
      problem("warning", /does not run any job/, /centralcloud migrate/),
    ]);
    const { repairs, findings } = await fixAll();
    expect(repairs).toEqual([
      expect.objectContaining({
        what: "registers the declared jobs with pg_cron, as migrate does",
      }),
    ]);
    expect(repairs[0]?.error).toBeUndefined();
    expect(findings.filter(({ check }) => check === "scheduling")).toEqual([
      expect.objectContaining({ severity: "ok" }),
    ]);
    await query(
      `insert into cron.job_run_details (jobid, status, return_message, end_time)
       select jobid, 'failed', E'connection failed\\nmore', now() from cron.job where jobname = 'assign-tasks-every-2min'
       union all
       select jobid, 'succeeded', '1 row', now() from cron.job where jobname = 'archive-tasks-daily'`,
    );
    expect(await found()).toEqual([
      problem(
        "error",
        /^pg_cron could not run assign-tasks-every-2min at 20\S+: connection failed$/,
        /cron\.use_background_workers/,
      ),
    ]);
    await query("drop schema cron cascade; alter database singularity reset cron.database_name");
  });
});
