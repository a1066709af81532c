import { randomBytes } from "node:crypto";
import { type DoctorOptions, diagnose, type Finding } from "@centralcloud/db";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { afterEach, describe, expect, test } from "vitest";
import { environmentOf, runCommand } from "../support/command.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { addNewKey } from "../support/session-keys.ts";

const system = useSystem();
const members = useMembers(system, { consumer: "centralcloud_consumer", nobody: undefined });
failOnLeaks(system);

const queue = "centralcloud-new-patterns";
const queues = [queue, "agent-sessions", "agent-knowledge-updates"];
const nowhere = "postgres://user:hunter2@127.0.0.1:1/nothing";
const opened: TestDatabase[] = [];

afterEach(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
});

/** A source of its own, in which something is changed. */
async function openSource(statements?: string): Promise<TestDatabase> {
  const source = await createTestDatabase("singularity");
  opened.push(source);
  if (statements !== undefined) await source.pool.query(statements);
  return source;
}

async function examine(options: Partial<DoctorOptions> = {}): Promise<readonly Finding[]> {
  const { findings } = await diagnose({
    sourceUrls: [system.singularity.url],
    centralUrl: system.central.url,
    queues,
    ...options,
  });
  return findings;
}

/** What one check finds in a source that is changed so. */
async function examineSource(check: string, statements?: string): Promise<readonly Finding[]> {
  const source = await openSource(statements);
  const findings = await examine({ sourceUrls: [source.url] });
  return findings.filter((finding) => finding.check === check && /^sing/.test(finding.database));
}

function problem(severity: "warning" | "error", message: RegExp, remedy: RegExp) {
  return expect.objectContaining({
    severity,
    message: expect.stringMatching(message),
    remedy: expect.stringMatching(remedy),
  });
}

describe("a healthy system", () => {
  test("has no errors, and is told what it uses", async () => {
    const source = await openSource();
    await addNewKey(source, "doctor-key", { activate: true });
    const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS: source.url };
    const { exitCode, stdout, stderr } = await runCommand(["doctor", "--json"], environment);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const { findings, summary } = JSON.parse(stdout) as { findings: Finding[]; summary: object };
    // The tests' server runs without autovacuum, on both sides.
    const unwell = findings.filter(({ severity }) => severity !== "ok");
    expect(unwell.map(({ check }) => check)).toEqual(["vacuum", "vacuum"]);
    expect(summary).toEqual({ ok: findings.length - 2, warnings: 2, errors: 0 });
    for (const { database } of findings) {
      expect(database).toMatch(/^(singularity|central) 127\.0\.0\.1:\d+\/[a-z0-9_]+$/);
    }
    const messages = findings.map(({ check, message }) => `${check}: ${message}`);
    for (const expected of [
      /^server: PostgreSQL 1\d\.\d+ answers, to postgres$/,
      /^migrations: up to date/,
      /^pgmq: pgmq .+ is used, installed as SQL/,
      /^capture: wal_level is logical/,
      /^capture: pgoutput is used; wal2json would be/,
      /^roles: found centralcloud_application/,
      /^ownership: everything of ours belongs to centralcloud_owner$/,
      /^queues: agent-sessions is empty$/,
      /^sealing: pgcrypto 1\.3 can seal sessions/,
      /^session-keys: sessions are sealed for key doctor-key, by pgcrypto$/,
      /^scheduling: the scheduler process runs the jobs/,
      /^jobs: learn-patterns-every-5min has not succeeded yet$/,
      /^agent-tasks: agent_tasks is a plain table/,
      /^identity: source singularity_/,
    ]) {
      expect(messages).toContainEqual(expect.stringMatching(expected));
    }
  });

  test("is shown one line a finding, below its database, with what to do beneath", async () => {
    const { exitCode, stdout } = await runCommand(["doctor"], environmentOf(system));
    expect(exitCode).toBe(0);
    const blocks = stdout.trimEnd().split("\n\n");
    expect(blocks).toHaveLength(3);
    expect(blocks[0]).toMatch(/^singularity 127\.0\.0\.1:\d+\/.+\n( {2}\S.+\n)+/);
    expect(blocks[0]).toMatch(
      /\n {2}warning {2}session-keys {2}no session key is active.+\n {20,}→ centralcloud keys generate/,
    );
    expect(blocks[1]).toMatch(/^central 127\.0\.0\.1:\d+\//);
    expect(blocks[2]).toMatch(/^0 errors, 3 warnings, \d+ ok$/);
  });
});

describe("a database that can't be reached", () => {
  test("is an error among others, which are examined all the same", async () => {
    const environment = environmentOf(system);
    const { exitCode, stdout, stderr } = await runCommand(["doctor", "--json"], {
      ...environment,
      SOURCE_DATABASE_URLS: `${nowhere} ${environment.SOURCE_DATABASE_URLS}`,
    });
    expect(exitCode).toBe(1);
    expect(stderr).toBe("centralcloud: the doctor found 1 error\n");
    expect(stdout).not.toContain("hunter2");
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings[0]).toEqual({
      check: "reachable",
      severity: "error",
      database: "singularity 127.0.0.1:1/nothing",
      message: expect.stringMatching(/^it can't be reached: .*ECONNREFUSED/),
      remedy: expect.stringContaining("see that the server runs"),
    });
    expect(new Set(findings.map(({ database }) => database)).size).toBe(3);
  });

  test("is exit code 3 when there is no other", async () => {
    const { exitCode, stdout, stderr } = await runCommand(["doctor", "--json"], {
      SOURCE_DATABASE_URLS: nowhere,
      CENTRAL_DATABASE_URL: nowhere,
    });
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^centralcloud: 127\.0\.0\.1:1\/nothing can't be reached/);
    expect(JSON.parse(stdout).summary).toEqual({ ok: 0, warnings: 0, errors: 2 });
  });
});

describe("migrations", () => {
  test("that never ran leave nothing else to examine there", async () => {
    const empty = await createTestDatabase();
    opened.push(empty);
    const findings = await examine({ sourceUrls: [empty.url], centralUrl: empty.url });
    const ofBoth = findings.filter(({ severity }) => severity === "error");
    expect(ofBoth.filter(({ check }) => check === "migrations")).toEqual([
      problem("error", /never migrated/, /^centralcloud migrate --only singularity$/),
      problem("error", /never migrated/, /^centralcloud migrate --only central$/),
    ]);
    expect(ofBoth.map(({ check }) => check)).toEqual([
      "migrations",
      "pgmq",
      "sealing",
      "migrations",
    ]);
  });

  test.each([
    [
      "are missing",
      "delete from centralcloud_migrations.migrations where name = (select max(name) from centralcloud_migrations.migrations)",
      problem("error", /never migrated|it lacks/, /^centralcloud migrate/),
    ],
    [
      "are newer than the build",
      `insert into centralcloud_migrations.migrations (plane, name, created_at)
       values ('singularity', '9999_from_the_future', 9999999999999)`,
      problem("warning", /newer than this build.*9999_from_the_future/, /use the build that/),
    ],
    [
      "go with other objects",
      "update centralcloud_migrations.objects set checksum = 'older'",
      problem("warning", /functions and views.*another build/, /^centralcloud migrate/),
    ],
  ])("that %s", async (_, statements, expected) => {
    expect(await examineSource("migrations", statements)).toEqual([expected]);
  });
});

describe("pgmq", () => {
  test.each([
    ["1.4.5", problem("error", /1\.4\.5.*older than 1\.5/, /newer pgmq/)],
    ["1.5.0", expect.objectContaining({ severity: "ok" })],
    ["1.11.9", expect.objectContaining({ severity: "ok" })],
    ["1.12.0", problem("warning", /1\.12\.0.*tested up to 1\.11/, /upgrade CentralCloud/)],
  ])("%s", async (version, expected) => {
    const statement = `comment on schema pgmq is 'pgmq ${version}, installed as SQL'`;
    expect(await examineSource("pgmq", statement)).toEqual([expected]);
  });

  test("of a version that nobody wrote down", async () => {
    expect(await examineSource("pgmq", "comment on schema pgmq is null")).toEqual([
      expect.objectContaining({ severity: "ok", message: expect.stringContaining("unknown") }),
    ]);
  });
});

describe("queues", () => {
  test("that are missing, with or without their dead-letter queue", async () => {
    const dropped = `select pgmq.drop_queue('agent-sessions'), pgmq.drop_queue('agent-sessions-dlq'),
                            pgmq.drop_queue('${queue}-dlq')`;
    const findings = await examineSource("queues", dropped);
    const remedy = (name: string) => new RegExp(`^select public\\.create_queue\\('${name}'\\)$`);
    expect(findings).toContainEqual(
      problem(
        "error",
        /no queue agent-sessions, and no queue agent-sessions-dlq/,
        remedy("agent-sessions"),
      ),
    );
    expect(findings).toContainEqual(
      problem("error", /no queue centralcloud-new-patterns-dlq/, remedy(queue)),
    );
  });

  test("that were made anew without their rights and settings", async () => {
    const source = await openSource(
      `select pgmq.drop_queue('${queue}'); select pgmq.create('${queue}')`,
    );
    const read = async () => {
      const findings = await examine({ sourceUrls: [source.url] });
      return findings.filter(({ check, severity }) => /^queue/.test(check) && severity !== "ok");
    };
    const remedy = /^select public\.create_queue\('centralcloud-new-patterns'\)$/;
    expect(await read()).toEqual([
      problem("warning", /vacuumed too seldom/, remedy),
      problem("error", /centralcloud_consumer lacks .* on pgmq\."a_centralcloud-new/, remedy),
      problem("error", /centralcloud_consumer lacks .* on pgmq\."q_centralcloud-new/, remedy),
    ]);
    await source.pool.query(`select create_queue('${queue}')`);
    expect(await read()).toEqual([]);
  });

  test("that nobody consumes, and dead letters", async () => {
    const findings = await examineSource(
      "queues",
      `select pgmq.send('${queue}', '${patternMessage()}'), pgmq.send('${queue}', '{}');
       update pgmq."q_${queue}" set enqueued_at = now() - interval '11 minutes' where msg_id = 1;
       select pgmq.send('agent-sessions-dlq', '{}'), pgmq.send('agent-knowledge-updates', '{}')`,
    );
    expect(findings).toEqual([
      problem(
        "warning",
        /^centralcloud-new-patterns: 2 messages in it, the oldest since 66\d s$/,
        /consumer/,
      ),
      expect.objectContaining({ severity: "ok", message: "agent-sessions is empty" }),
      problem("warning", /^agent-sessions-dlq: 1 dead letter in it$/, /"Dead letters"/),
      expect.objectContaining({
        severity: "ok",
        message: expect.stringContaining("1 message in it"),
      }),
    ]);
  });
});

describe("session keys", () => {
  test("of which none is active", async () => {
    expect(await examineSource("session-keys")).toEqual([
      problem(
        "warning",
        /no session key is active/,
        /keys generate .*keys add --from FILE --activate/,
      ),
    ]);
  });

  test("for which the database can't seal", async () => {
    const statements = `
      insert into session_keys (key_id, algorithm, public_key, active) values ('k', 'x25519-sealedbox', '', true)`;
    expect(await examineSource("session-keys", statements)).toEqual([
      problem("error", /key k needs pgsodium, which is not installed/, /create extension pgsodium/),
    ]);
  });

  test("whose extension is gone, or not for the owner of our functions", async () => {
    const source = await openSource();
    await addNewKey(source, "k", { activate: true });
    const read = async () =>
      (await examine({ sourceUrls: [source.url] })).filter(
        ({ severity, check }) => severity === "error" && /seal|keys/.test(check),
      );
    await source.pool.query(
      "revoke execute on function pgp_pub_encrypt_bytea(bytea, bytea), pgp_pub_encrypt_bytea(bytea, bytea, text) from public",
    );
    expect(await read()).toEqual([
      problem(
        "error",
        /centralcloud_owner may not call pgp_pub_encrypt_bytea/,
        /centralcloud migrate/,
      ),
    ]);
    await source.pool.query("drop extension pgcrypto");
    expect(await read()).toEqual([
      problem("error", /neither pgcrypto nor pgsodium/, /create extension pgcrypto/),
      problem("error", /key k needs pgcrypto/, /create extension pgcrypto/),
    ]);
  });
});

test("what could not be queued", async () => {
  const statements = `insert into agent_sessions (agent_id, state) values ('agent-1', '{}');
    insert into learned_patterns (agent_id, pattern, confidence, sync_error) values ('agent-1', '{}', 1, 'why')`;
  expect(await examineSource("unsynced", statements)).toEqual([
    problem(
      "warning",
      /^could not be queued: patterns 1, sessions 1; one of them because why$/,
      /sync-learning-every-10min/,
    ),
  ]);
});

describe("jobs", () => {
  test("that never ran although they were due, and one whose last success is old", async () => {
    const findings = await examineSource(
      "jobs",
      `update centralcloud_migrations.objects set applied_at = now() - interval '1 hour';
       insert into job_runs (job_name, status, started_by, started_at, finished_at)
       values ('assign-tasks-every-2min', 'succeeded', 'scheduler', now() - interval '30 minutes', now() - interval '30 minutes'),
              ('assign-tasks-every-2min', 'failed', 'scheduler', now(), now()),
              ('sync-learning-every-10min', 'succeeded', 'scheduler', now(), now())`,
    );
    const of = (job: string) => findings.find(({ message }) => message.startsWith(job));
    expect(of("learn-patterns-every-5min")).toEqual(
      problem("error", /never succeeded, and was due several times/, /centralcloud scheduler/),
    );
    expect(of("assign-tasks-every-2min")).toEqual(
      problem(
        "error",
        /last succeeded at 20.*due several times/,
        /jobs run assign-tasks-every-2min/,
      ),
    );
    expect(of("sync-learning-every-10min")).toMatchObject({ severity: "ok" });
    expect(of("archive-tasks-daily")).toMatchObject({ severity: "ok" });
  });

  test("whose last run failed, though there is time yet", async () => {
    const findings = await examineSource(
      "jobs",
      `insert into job_runs (job_name, status, error, started_by, started_at, finished_at)
       values ('archive-tasks-daily', 'failed', 'out of luck', 'scheduler', now(), now())`,
    );
    expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([
      problem("warning", /^archive-tasks-daily has not.*failed: out of luck$/, /jobs run archive-/),
    ]);
  });
});

describe("identity", () => {
  test("two sources that are one, by copy or by name, are an error each", async () => {
    const copy = await openSource();
    const { rows } = await system.singularity.pool.query(
      "select source_id from singularity_source",
    );
    await copy.pool.query("update singularity_source set source_id = $1", [rows[0].source_id]);
    const findings = await examine({ sourceUrls: [system.singularity.url, copy.url] });
    expect(findings.filter(({ check }) => check === "identity")).toEqual([
      problem(
        "error",
        new RegExp(`same source_id as singularity .*/${copy.name}`),
        /gen_random_uuid/,
      ),
      problem(
        "error",
        new RegExp(`same source_id as .*/${system.singularity.name}`),
        /gen_random_uuid/,
      ),
    ]);
  });

  test("two sources of one name are a warning", async () => {
    const source = await openSource(
      `update singularity_source set name = '${system.singularity.name}'`,
    );
    const findings = await examine({ sourceUrls: [system.singularity.url, source.url] });
    expect(findings.filter(({ check }) => check === "identity")).toEqual([
      problem("warning", /is named singularity_/, /set name/),
      problem("warning", /is named singularity_/, /set name/),
    ]);
  });
});

describe("rights", () => {
  test("objects that are another's", async () => {
    expect(await examineSource("ownership", "alter table agents owner to postgres")).toEqual([
      problem("warning", /^1 object.*centralcloud_owner$/, /grant centralcloud_owner to/),
    ]);
  });

  test("the consumer's are enough, and what it may not see is said so", async () => {
    const findings = await examine({
      sourceUrls: [members.consumer.singularity.url],
      centralUrl: members.consumer.central.url,
    });
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
    const rights = findings.filter(({ check }) => check === "rights");
    expect(rights.map(({ message }) => message)).toEqual([
      `${members.consumer.login.name} has what a consumer needs`,
      `${members.consumer.login.name} has what a consumer needs`,
    ]);
    expect(findings).toContainEqual(
      problem(
        "warning",
        /may not see it: permission denied for table session_keys/,
        /centralcloud_owner/,
      ),
    );
  });

  test("those of a stranger are not", async () => {
    const findings = await examine({
      sourceUrls: [members.nobody.singularity.url],
      centralUrl: members.nobody.central.url,
    });
    const remedy = new RegExp(`^grant centralcloud_consumer to ${members.nobody.login.name}$`);
    expect(findings.filter(({ check }) => check === "rights")).toEqual([
      problem("error", /lacks usage on schema pgmq, select on public\.singularity_source/, remedy),
      problem(
        "error",
        /lacks usage on schema central, .*execute on central\.merge_patterns/,
        remedy,
      ),
    ]);
  });
});

test("a server that is not set up for capturing changes", async () => {
  const name = `plain_${randomBytes(4).toString("hex")}`;
  const server = await startEmbeddedPostgres({
    databases: [name],
    settings: { wal_level: "replica", max_wal_senders: "0", max_replication_slots: "0" },
  });
  try {
    const url = server.urlOf(name);
    const findings = await examine({ sourceUrls: [url], centralUrl: url });
    const capture = findings.filter(({ check }) => check === "capture");
    expect(capture.slice(0, 3)).toEqual([
      problem(
        "warning",
        /wal_level is replica/,
        /alter system set wal_level = logical, then restart/,
      ),
      problem("warning", /all 0 replication slots/, /max_replication_slots = 10/),
      problem("warning", /max_wal_senders is 0/, /max_wal_senders = 10/),
    ]);
    expect(findings.filter(({ check }) => check === "vacuum")[0]?.severity).toBe("ok");
    expect(findings.filter(({ check }) => check === "roles")[0]).toEqual(
      problem(
        "warning",
        /centralcloud_application is missing/,
        /centralcloud migrate as a role that may/,
      ),
    );
  } finally {
    await server.stop();
  }
});
