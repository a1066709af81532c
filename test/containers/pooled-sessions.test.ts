import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captureDefaults } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { type PgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { runsOnlyInOwnSession, saysThatItWasNotTold } from "../support/pooled-sessions.ts";
import { runCommand } from "../support/run-command.ts";

/* One server connection to each database, which all clients of PgBouncer share: what one leaves, the next one has. */

const system = useSystem();
// Connections to the databases are the pooler's, which keeps them.
failOnLeaks();
let pooler: PgBouncer;

beforeAll(async () => {
  pooler = await startPgBouncer(1);
}, 180_000);
afterAll(() => pooler?.stop());

const urls = () => ({
  sourceUrl: pooler.through(system.singularity.url),
  centralUrl: pooler.through(system.central.url),
});

/** Everything of a session that outlives a transaction, as a fresh client of the pooler finds it. */
async function sessionOf(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const ask = async (text: string) => (await client.query(text)).rows;
    // Its settings are there once it has been loaded.
    await ask("do $$ begin null; end $$");
    return {
      settings: await ask(
        "select name, setting from pg_settings where name <> 'application_name' order by name",
      ),
      channels: await ask("select pg_listening_channels()"),
      locks: await ask(
        "select classid, objid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
      ),
      statements: await ask("select name from pg_prepared_statements where name !~ '^PGBOUNCER_'"),
      tables: await ask("select relname from pg_class where relpersistence = 't'"),
    };
  } finally {
    await client.end();
  }
}

describe("no command leaves anything in a session of the pooler", () => {
  test.each([
    ["doctor"],
    ["doctor", "--fix"],
    ["migrate"],
    ["migrate", "--dry-run"],
    ["queues"],
    ["jobs"],
    ["jobs", "run", "learn-patterns-every-5min"],
    ["dlq", "list"],
    ["dlq", "replay", "--queue", "centralcloud-new-patterns", "--dry-run"],
    ["drain"],
    ["keys", "list"],
    ["sessions", "show", "01JDXW5C5N0000000000000000"],
    ["cdc", "status"],
    ["cdc", "log"],
  ])("%s %s %s %s", async (...words) => {
    const { sourceUrl, centralUrl } = urls();
    const before = [await sessionOf(sourceUrl), await sessionOf(centralUrl)];
    const { exitCode, stdout, stderr } = await runCommand(
      words.filter((word) => word !== undefined),
      {
        SOURCE_DATABASE_URLS: sourceUrl,
        CENTRAL_DATABASE_URL: centralUrl,
        CONSUMER_TRANSACTION_POOLING: "true",
        CONSUMER_HTTP_PORT: "0",
      },
    );
    expect({ exitCode, output: stdout + stderr }).toEqual({
      exitCode: expect.toBeOneOf([0, 1]),
      output: expect.not.stringMatching(/could not be checked|read-only transaction|in between/),
    });
    expect([await sessionOf(sourceUrl), await sessionOf(centralUrl)]).toEqual(before);
  });

  test("the next client can write", async () => {
    const { sourceUrl } = urls();
    const client = new pg.Client({ connectionString: sourceUrl });
    await client.connect();
    try {
      await client.query("create table written (id integer); drop table written");
    } finally {
      await client.end();
    }
  });
});

test("what needs a session of its own says so, and leaves nothing behind", async () => {
  const before = await sessionOf(urls().sourceUrl);
  await runsOnlyInOwnSession(urls(), captureDefaults);
  expect(await sessionOf(urls().sourceUrl)).toEqual(before);
});

test("a consumer that was not told of the pooler says what to set, of whatever it meets first", async () => {
  const strict = await startPgBouncer(3, ["max_prepared_statements = 0", "server_round_robin = 1"]);
  try {
    await saysThatItWasNotTold(system, {
      sourceUrl: strict.through(system.singularity.url),
      centralUrl: strict.through(system.central.url),
    });
  } finally {
    await strict.stop();
  }
});
