import { describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { examine, problem, useSources } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { addNewKey } from "../support/session-keys.ts";

const system = useSystem();
const sources = useSources(system);
const members = useMembers(system, { consumer: "centralcloud_consumer", nobody: undefined });
failOnLeaks(system);

const queue = "centralcloud-new-patterns";

describe("migrations", () => {
  test("that never ran leave nothing else to examine there", async () => {
    const empty = await sources.open();
    const findings = await examine(system, { sourceUrls: [empty.url], centralUrl: empty.url });
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
    expect(await sources.examine("migrations", statements)).toEqual([expected]);
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
    expect(await sources.examine("pgmq", statement)).toEqual([expected]);
  });

  test("of a version that nobody wrote down", async () => {
    expect(await sources.examine("pgmq", "comment on schema pgmq is null")).toEqual([
      expect.objectContaining({ severity: "ok", message: expect.stringContaining("unknown") }),
    ]);
  });
});

describe("queues", () => {
  test("that are missing, with or without their dead-letter queue", async () => {
    const dropped = `select pgmq.drop_queue('agent-sessions'), pgmq.drop_queue('agent-sessions-dlq'),
                            pgmq.drop_queue('${queue}-dlq')`;
    const findings = await sources.examine("queues", dropped);
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
    const source = await sources.open(
      "source",
      `select pgmq.drop_queue('${queue}'); select pgmq.create('${queue}')`,
    );
    const read = async () => {
      const findings = await examine(system, { sourceUrls: [source.url] });
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
    const findings = await sources.examine(
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
      problem(
        "warning",
        /^agent-sessions-dlq: 1 dead letter in it, the oldest of 20\S+Z$/,
        /docs\/operate\/dead-letters\.md/,
      ),
      expect.objectContaining({
        severity: "ok",
        message: expect.stringContaining("1 message in it"),
      }),
    ]);
  });
});

describe("session keys", () => {
  test("of which none is active", async () => {
    expect(await sources.examine("session-keys")).toEqual([
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
    expect(await sources.examine("session-keys", statements)).toEqual([
      problem("error", /key k needs pgsodium, which is not installed/, /create extension pgsodium/),
    ]);
  });

  test("whose extension is gone, or not for the owner of our functions", async () => {
    const source = await sources.open("source");
    await addNewKey(source, "k", { activate: true });
    const read = async () =>
      (await examine(system, { sourceUrls: [source.url] })).filter(
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
  expect(await sources.examine("unsynced", statements)).toEqual([
    problem(
      "warning",
      /^could not be queued: patterns 1, sessions 1, agents 0; one of them because why$/,
      /sync-learning-every-10min/,
    ),
  ]);
});

describe("jobs", () => {
  test("that never ran although they were due, and one whose last success is old", async () => {
    const findings = await sources.examine(
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
    const findings = await sources.examine(
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
    const copy = await sources.open("source");
    const { rows } = await system.singularity.pool.query(
      "select source_id from singularity_source",
    );
    await copy.pool.query("update singularity_source set source_id = $1", [rows[0].source_id]);
    const findings = await examine(system, { sourceUrls: [system.singularity.url, copy.url] });
    expect(findings.filter(({ check }) => check === "identity")).toEqual([
      problem(
        "error",
        new RegExp(`same source_id as source .*/${copy.name}`),
        /centralcloud sources renew/,
      ),
      problem(
        "error",
        new RegExp(`same source_id as .*/${system.singularity.name}`),
        /centralcloud sources renew/,
      ),
    ]);
  });

  test("two sources of one name are a warning", async () => {
    const source = await sources.open(
      "source",
      `update singularity_source set name = '${system.singularity.name}'`,
    );
    const findings = await examine(system, { sourceUrls: [system.singularity.url, source.url] });
    expect(findings.filter(({ check }) => check === "identity")).toEqual([
      problem("warning", /is named singularity_/, /set name/),
      problem("warning", /is named singularity_/, /set name/),
    ]);
  });
});

describe("rights", () => {
  test("objects that are another's", async () => {
    expect(await sources.examine("ownership", "alter table agents owner to postgres")).toEqual([
      problem("warning", /^1 object.*centralcloud_owner$/, /grant centralcloud_owner to/),
    ]);
  });

  test("the consumer's are enough, and what it may not see is said so", async () => {
    const findings = await examine(system, {
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
    const findings = await examine(system, {
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
