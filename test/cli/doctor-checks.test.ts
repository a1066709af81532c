import { existsSync, readFileSync } from "node:fs";
import { checkNames, type DoctorOptions, type Finding } from "@centralcloud/doctor";
import type { PoolClient } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { installFakePgCron } from "../support/fake-pg-cron.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/*
 * Each check of the doctor and a state that it must find. All of them at once, in one system that has everything: a
 * check without a row fails, and so does one that says of its broken state that it is well. What a check says
 * otherwise, and what to do about it, the files beside this one show.
 */

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";

interface Illness {
  readonly source?: string;
  readonly central?: string;
  /** In a second source, which has no other illness. */
  readonly twin?: string;
  /** What a connection reads as a setting of the server: it is not as the server has it. */
  readonly setting?: readonly [name: string, value: string];
  readonly finds: RegExp;
}

/** Where the state takes another server or another login: the file that shows it. */
interface Elsewhere {
  readonly shownBy: string;
}

const consumer = (heldKeys: string, seen: string) =>
  `insert into central.consumers (id, version, host, held_keys, last_seen_at)
   values (gen_random_uuid(), '0.1.0', 'test-host', ${heldKeys}, ${seen})`;

const illnesses: Readonly<Record<string, Illness | Elsewhere>> = {
  reachable: { finds: /can't be reached|ECONNREFUSED/ },
  server: { setting: ["server_version_num", "140005"], finds: /it is too old/ },
  encoding: { setting: ["server_encoding", "SQL_ASCII"], finds: /SQL_ASCII/ },
  encryption: { finds: /not encrypted/ },
  clock: {
    source: `create function sick.clock_timestamp() returns timestamptz language sql
               as 'select pg_catalog.clock_timestamp() + interval ''90 seconds'''`,
    finds: /90 s ahead/,
  },
  durability: { setting: ["full_page_writes", "off"], finds: /full_page_writes is off/ },
  migrations: {
    source: "update centralcloud_migrations.objects set checksum = 'older'",
    finds: /another build/,
  },
  pgmq: {
    source: "comment on schema pgmq is 'pgmq 1.12.0, installed as SQL'",
    finds: /tested up to/,
  },
  vacuum: { setting: ["autovacuum", "off"], finds: /autovacuum is off/ },
  bloat: {
    source: `alter table pgmq."a_${queue}" set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
             insert into pgmq."a_${queue}" (msg_id, enqueued_at, vt, message) select g, now(), now(), '{}' from generate_series(1, 50) g;
             delete from pgmq."a_${queue}" where msg_id > 5; select pg_stat_force_next_flush()`,
    finds: /45 dead rows/,
  },
  statistics: { finds: /was never analyzed/ },
  snapshots: { finds: /a transaction has been open/ },
  locks: { shownBy: "security/named-waits.test.ts" },
  capture: { setting: ["wal_level", "replica"], finds: /wal_level is replica/ },
  "capture-slot": {
    source: `select pg_create_logical_replication_slot('sick_' || current_database(), 'pgoutput')`,
    setting: ["max_slot_wal_keep_size", "-1"],
    finds: /fills the disk/,
  },
  roles: { shownBy: "cli/doctor.test.ts" },
  ownership: { source: "alter table public.agents owner to postgres", finds: /1 object/ },
  rights: { shownBy: "cli/doctor-findings.test.ts" },
  queues: { source: "select pgmq.drop_queue('agent-sessions-dlq')", finds: /no queue/ },
  "queue-rights": {
    source: `revoke select on pgmq."q_${queue}" from centralcloud_consumer`,
    finds: /centralcloud_consumer lacks select/,
  },
  // Of a database that another build has migrated, it could not tell what is missing.
  drift: {
    twin: "drop trigger agent_sessions_persist_insert on public.agent_sessions",
    finds: /agent_sessions_persist_insert/,
  },
  sealing: { source: "drop extension pgcrypto cascade", finds: /neither pgcrypto nor pgsodium/ },
  "session-keys": {
    source: `insert into public.session_keys (key_id, algorithm, public_key, active) values ('k', 'openpgp', '', true)`,
    finds: /key k needs pgcrypto/,
  },
  unsynced: {
    source: `insert into public.learned_patterns (agent_id, pattern, confidence, sync_error) values ('a', '{}', 1, 'why')`,
    finds: /could not be queued/,
  },
  scheduling: { setting: ["cron.timezone", "Europe/Berlin"], finds: /cron.timezone is Europe/ },
  jobs: {
    source: "update centralcloud_migrations.objects set applied_at = now() - interval '1 day'",
    finds: /never succeeded/,
  },
  "cron-runs": {
    source: `insert into cron.job (jobid, schedule, command, database, username, jobname)
               values (1, '* * * * *', 'select public.run_job(1)', current_database(), 'x', 'archive-tasks-daily');
             insert into cron.job_run_details (jobid, status, return_message) values (1, 'failed', 'connection failed')`,
    finds: /could not run archive-tasks-daily.*connection failed/,
  },
  consumers: {
    central: consumer("null", "now() - interval '5 minutes'"),
    finds: /ended without signing off/,
  },
  "store-losses": {
    central: `insert into central.archive_checks (source_id, queue, epoch_id, from_at, missing_since, missing_count, compared_at)
              values (gen_random_uuid(), '${queue}', 1, now(), now(), 3, now())`,
    finds: /3 messages of .* are archived but not in the store since 20/,
  },
  "agent-tasks": {
    source: `insert into public.agent_tasks (agent_id, duration_ms, status) values ('a', 'NaN', 'completed')`,
    finds: /measures nothing/,
  },
  "change-log": { finds: /the capture of .* is lost/ },
  identity: { finds: /is named/ },
  "held-keys": { central: consumer("'{}'", "now()"), finds: /do not hold/ },
  connections: {
    central: "alter database CENTRAL connection limit 3",
    finds: /connection limit/,
  },
};

const opened: TestDatabase[] = [];
const holders: PoolClient[] = [];
let findings: readonly Finding[];

beforeAll(async () => {
  const source = await createTestDatabase("source");
  const twin = await createTestDatabase("source");
  opened.push(source, twin);
  const { pool } = source;
  await pool.query("create schema sick");
  await installFakePgCron(source, []);
  const all = Object.values(illnesses).flatMap((one) => ("shownBy" in one ? [] : [one]));
  const cases = all
    .flatMap(({ setting }) => (setting === undefined ? [] : [setting]))
    .map(([name, value]) => `when '${name}' then '${value}'`)
    .join(" ");
  // All that has its rows goes first: with a trigger or an extension gone, nothing can be entered.
  await pool.query(`
    create function sick.current_setting(p_name text) returns text language sql as
      $$select case p_name ${cases} else pg_catalog.current_setting(p_name) end$$;
    create function sick.current_setting(p_name text, p_missing boolean) returns text language sql as
      $$select case p_name ${cases} when 'cron.database_name' then pg_catalog.current_database()::text
                else pg_catalog.current_setting(p_name, p_missing) end$$`);
  for (const { source: statement, central, twin: ofTwin } of all) {
    if (statement !== undefined) await pool.query(statement);
    if (ofTwin !== undefined) await twin.pool.query(ofTwin);
    if (central === undefined) continue;
    await system.central.pool.query(central.replace("CENTRAL", `"${system.central.name}"`));
  }
  await twin.pool.query("update singularity_source set name = $1", [source.name]);
  await system.central.pool.query(
    `with s as (select central.register_source($1, 'sick'))
     insert into central.capture_cursors (source_id, slot_name, plugin, system_id, timeline, lsn, source_time, reader, lost_reason)
     select $1, 'x', 'pgoutput', (select c.system_identifier::text from pg_control_system() c), 1, 1, now(), 'test',
            'a test' from s`,
    [(await pool.query("select source_id from singularity_source")).rows[0].source_id],
  );
  const holder = await pool.connect();
  holders.push(holder);
  await holder.query("begin");

  const sick = new URL(source.url.replace("127.0.0.1", "2130706433"));
  sick.searchParams.set("options", "-c search_path=sick,pg_catalog,public");
  const options: Partial<DoctorOptions> = {
    sourceUrls: [sick.href, twin.url, "postgres://127.0.0.1:1/nobody"],
    limits: { transactionS: 0, rows: 1 },
  };
  // What the server counts comes a moment later; what is still missing then, a test names.
  const isCounted = () =>
    ["bloat", "statistics"].every((name) =>
      findings.some(({ check, severity }) => check === name && severity !== "ok"),
    );
  const look = async () => {
    findings = await examine(system, options);
    return isCounted();
  };
  await until("the statistics", look, 10_000).catch(() => {});
});

afterAll(async () => {
  for (const holder of holders) holder.release(true);
  for (const { name, pool } of opened) {
    await pool.query(
      "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = $1",
      [name],
    );
  }
  await Promise.all(opened.map(dropTestDatabase));
});

test("every check has a row here, and every row a check", () => {
  expect(Object.keys(illnesses).sort()).toEqual([...checkNames].sort());
});

describe("what is broken is found by", () => {
  test.each(checkNames)("%s", (name) => {
    const illness = illnesses[name];
    if (illness === undefined) return;
    if ("shownBy" in illness) {
      const file = new URL(`../${illness.shownBy}`, import.meta.url);
      expect(existsSync(file), illness.shownBy).toBe(true);
      expect(readFileSync(file, "utf8")).toMatch(
        new RegExp(`check === "${name}"|examine\\("${name}"`),
      );
      return;
    }
    const found = findings.filter(({ check }) => check === name);
    const problems = found.filter(({ severity }) => severity !== "ok");
    expect(problems.map(({ message }) => message).join("\n"), JSON.stringify(found)).toMatch(
      illness.finds,
    );
    for (const problem of problems) {
      expect("remedy" in problem && problem.remedy.length, "what to do").toBeGreaterThan(5);
      expect(problem.why?.length, "why it matters").toBeGreaterThan(10);
    }
  });
});
