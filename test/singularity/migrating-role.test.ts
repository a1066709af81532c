import { diagnose } from "@centralcloud/doctor";
import {
  createDatabase,
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "@centralcloud/embedded";
import type { Side } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drainAll } from "../support/consumer.ts";
import { harnessName, type TestDatabase } from "../support/databases.ts";
import { describeDatabase } from "../support/describe-database.ts";
import { createLogin, type Login } from "../support/logins.ts";

/*
 * Roles belong to a server, so whether they can be made is seen on servers that have none yet: each
 * group of tests starts its own. Who migrates is never a superuser here, but owns the databases.
 */

let server: EmbeddedPostgres;
let administrator: pg.Pool;
const pools: pg.Pool[] = [];

function useServer(): void {
  beforeAll(async () => {
    server = await startEmbeddedPostgres({ databases: [], settings: { autovacuum: "off" } });
    administrator = openPool(server.urlOf("postgres"));
  });
  afterAll(async () => {
    for (const pool of pools.splice(0)) await pool.end();
    await server.stop();
  });
}

function openPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString,
    application_name: harnessName,
    max: 2,
  });
  pools.push(pool);
  return pool;
}

async function createOwnDatabase(login: Login, name: string): Promise<TestDatabase> {
  await createDatabase(login.urlOf(server.urlOf("postgres")), name);
  const url = login.urlOf(server.urlOf(name));
  return { name, url, pool: openPool(url) };
}

function as(login: Login, { name, url }: TestDatabase): TestDatabase {
  return { name, url: login.urlOf(url), pool: openPool(login.urlOf(url)) };
}

/** Migrates, and gives what changed and which rights were missing. */
async function migrateAndListen(side: Side, { url }: TestDatabase) {
  const missing: string[] = [];
  const { objectsApplied } = await migrateAndSchedule(side, url, (observation) => {
    if (observation.event === "privilege-missing") missing.push(observation.message);
  });
  return { objectsApplied, missing };
}

/** Who owns our tables and functions; one name each where all is well. */
/** But for the function that indexes run: it belongs to whoever owns the queues. */
async function ownersIn({ pool }: TestDatabase, schema: string): Promise<string[]> {
  const { rows } = await pool.query<{ owner: string }>(
    `select distinct c.relowner::regrole::text as owner from pg_class c
      where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'v', 'm')
      union
     select p.proowner::regrole::text from pg_proc p
      where p.pronamespace = $1::regnamespace and p.proname <> 'dead_letter_fingerprint'
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`,
    [schema],
  );
  return rows.map(({ owner }) => owner);
}

async function learnOnePattern({ pool }: TestDatabase): Promise<void> {
  await pool.query(`insert into analysis_results (agent_id, result) values ('agent-1', '{"n":1}')`);
  const { rows } = await pool.query("select * from learn_patterns_from_analysis()");
  expect(rows).toEqual([{ patterns_learned: 1, patterns_queued: 1 }]);
}

/** What the doctor finds in a check, where that is not well. */
async function problemsIn(check: string, singularity: TestDatabase, central: TestDatabase) {
  const { findings } = await diagnose({
    sourceUrls: [singularity.url],
    centralUrl: central.url,
    queues: ["agent-sessions"],
  });
  return findings.flatMap((finding) =>
    finding.check === check && finding.severity !== "ok" ? [finding] : [],
  );
}

const mayNotMake = (role: string) => expect.stringContaining(`may not make the role ${role}`);
const mayNotReplicate = expect.stringContaining(
  "may not let the role centralcloud_auditor replicate",
);

describe("a role that may not make roles", () => {
  useServer();
  let migrator: Login;
  let singularity: TestDatabase;
  let central: TestDatabase;

  beforeAll(async () => {
    migrator = await createLogin(server.urlOf("postgres"), "createdb");
    singularity = await createOwnDatabase(migrator, "first_source");
    central = await createOwnDatabase(migrator, "first_central");
  });

  test("migrates nevertheless, owns the objects, and is told what is missing", async () => {
    const { missing } = await migrateAndListen("source", singularity);
    expect(missing).toEqual([
      mayNotMake("centralcloud_application"),
      mayNotMake("centralcloud_auditor"),
      mayNotMake("centralcloud_consumer"),
      mayNotMake("centralcloud_jobs"),
      mayNotMake("centralcloud_operator"),
      mayNotMake("centralcloud_viewer"),
      mayNotMake("centralcloud_owner"),
    ]);
    expect((await migrateAndListen("central", central)).missing).toHaveLength(5);
    expect(await ownersIn(singularity, "public")).toEqual([migrator.name]);
    expect(await ownersIn(central, "central")).toEqual([migrator.name]);
    expect((await migrateAndListen("source", singularity)).objectsApplied).toBe(0);
  });

  test("is told by the doctor, too, with what to do", async () => {
    const problems = await problemsIn("roles", singularity, central);
    expect(problems).toHaveLength(12);
    expect(problems[3]).toMatchObject({
      severity: "warning",
      message: "the role centralcloud_jobs is missing",
      remedy: expect.stringContaining(
        "create role centralcloud_jobs login, then centralcloud migrate",
      ),
    });
    expect(await problemsIn("ownership", singularity, central)).toEqual([]);
    expect(await problemsIn("rights", singularity, central)).toEqual([]);
  });

  test("can do everything itself", async () => {
    await learnOnePattern(singularity);
    const { report } = await drainAll({ singularity, central });
    expect(report).toMatchObject({ processed: 1, deadLettered: 0 });
  });

  test("grants the roles that an administrator has made since, and is the same as from the start", async () => {
    await administrator.query(
      `create role centralcloud_application; create role centralcloud_auditor replication;
       create role centralcloud_consumer; create role centralcloud_jobs login;
       create role centralcloud_operator; create role centralcloud_viewer;
       create role centralcloud_owner; grant centralcloud_owner to ${migrator.name}`,
    );
    const late = await migrateAndListen("source", singularity);
    expect(late.missing).toEqual([]);
    expect(late.objectsApplied).toBeGreaterThan(0);
    expect((await migrateAndListen("central", central)).missing).toEqual([]);
    expect(await ownersIn(singularity, "public")).toEqual(["centralcloud_owner"]);
    expect(await ownersIn(central, "central")).toEqual(["centralcloud_owner"]);
    expect((await migrateAndListen("source", singularity)).objectsApplied).toBe(0);

    const fresh = await createOwnDatabase(migrator, "second_source");
    await migrateAndListen("source", fresh);
    expect(await describeDatabase(singularity.pool)).toEqual(await describeDatabase(fresh.pool));
    const freshCentral = await createOwnDatabase(migrator, "second_central");
    await migrateAndListen("central", freshCentral);
    expect(await describeDatabase(central.pool)).toEqual(await describeDatabase(freshCentral.pool));
  });

  test("that is no member of the owner keeps what it makes, and the others get their rights", async () => {
    const stranger = await createLogin(server.urlOf("postgres"), "createdb");
    const own = {
      singularity: await createOwnDatabase(stranger, "source_of_a_stranger"),
      central: await createOwnDatabase(stranger, "central_of_a_stranger"),
    };
    const { missing } = await migrateAndListen("source", own.singularity);
    expect(missing).toEqual([
      expect.stringContaining("may not act as the role centralcloud_owner"),
      expect.stringMatching(/^\d+ objects don't belong to centralcloud_owner: /),
    ]);
    await migrateAndListen("central", own.central);
    expect(await ownersIn(own.singularity, "public")).toEqual([stranger.name]);

    const inRole = (role: string) => createLogin(server.urlOf("postgres"), `in role ${role}`);
    const application = await inRole("centralcloud_application");
    const consumer = await inRole("centralcloud_consumer");
    await learnOnePattern(as(application, own.singularity));
    const { report } = await drainAll({
      singularity: as(consumer, own.singularity),
      central: as(consumer, own.central),
    });
    expect(report).toMatchObject({ processed: 1, deadLettered: 0 });
  });
});

describe("a role that may make roles", () => {
  useServer();
  let migrator: Login;

  test("makes them from several databases at once, and owns nothing in the end", async () => {
    migrator = await createLogin(server.urlOf("postgres"), "createdb createrole");
    const names = ["source_1", "source_2", "source_3", "central_1", "central_2"];
    const outcomes = await Promise.all(
      names.map(async (name) => {
        const database = await createOwnDatabase(migrator, name);
        const side = name.startsWith("source") ? "source" : "central";
        const { missing } = await migrateAndListen(side, database);
        const owners = await ownersIn(database, side === "central" ? "central" : "public");
        return { missing, owners };
      }),
    );
    for (const { missing, owners } of outcomes) {
      // Only a superuser, or a role that may replicate itself, hands that on.
      expect(missing).toEqual([mayNotReplicate]);
      expect(owners).toEqual(["centralcloud_owner"]);
    }
  });

  test("continues migrating what it does not own any more, and may recreate a queue", async () => {
    const url = migrator.urlOf(server.urlOf("source_1"));
    const database = { name: "source_1", url, pool: openPool(url) };
    const before = await describeDatabase(database.pool);
    await database.pool.query("update centralcloud_migrations.objects set checksum = 'older'");
    expect((await migrateAndListen("source", database)).objectsApplied).toBeGreaterThan(0);
    expect(await describeDatabase(database.pool)).toEqual(before);

    await database.pool.query("select pgmq.drop_queue('agent-sessions')");
    await database.pool.query("select create_queue('agent-sessions')");
    expect(await describeDatabase(database.pool)).toEqual(before);
  });

  test("is warned by the doctor of roles that may more than they should", async () => {
    const open = (name: string) => {
      const url = migrator.urlOf(server.urlOf(name));
      return { name, url, pool: openPool(url) };
    };
    await administrator.query(
      `alter role centralcloud_owner login; alter role centralcloud_consumer createdb bypassrls;
       grant centralcloud_owner to centralcloud_application`,
    );
    const problems = await problemsIn("roles", open("source_1"), open("central_1"));
    const ofSource = problems.filter(({ database }) => database.startsWith("source"));
    expect(ofSource.map(({ severity, message, remedy }) => [severity, message, remedy])).toEqual([
      [
        "error",
        "centralcloud_application is a member of centralcloud_owner, and may do what that may",
        "revoke centralcloud_owner from centralcloud_application",
      ],
      ["warning", expect.stringContaining("may not replicate"), expect.any(String)],
      [
        "error",
        "centralcloud_consumer has more rights than its grants: createdb, bypassrls",
        "alter role centralcloud_consumer nocreatedb nobypassrls",
      ],
      ["warning", expect.stringContaining("can log in"), "alter role centralcloud_owner nologin"],
    ]);
  });
});
