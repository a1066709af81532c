import pg from "pg";
import { getContainerRuntimeClient, type StartedTestContainer } from "testcontainers";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { fullProfileContainer } from "../support/full-profile-container.ts";
import { logOf } from "../support/hardened-container.ts";
import { until } from "../support/until.ts";

function imageName(): string {
  const profile = inject("fullProfile");
  if ("missing" in profile) throw new Error(profile.missing);
  return profile.image;
}

/** The engine's own client, for what testcontainers does not tell. */
async function engine() {
  return (await getContainerRuntimeClient()).container.dockerode;
}

describe("with a password from a file", () => {
  const passwordFile = "/run/secrets/postgres-password";
  let server: StartedTestContainer;

  beforeAll(async () => {
    server = await fullProfileContainer(imageName())
      .withCopyContentToContainer([{ content: "from a file\n", target: passwordFile, mode: 0o444 }])
      .withEnvironment({ POSTGRES_PASSWORD_FILE: passwordFile, CRON_DATABASE_NAME: "centralcloud" })
      .withCommand(["-c", "fsync=off", "-c", "work_mem=5MB"])
      .start();
  });
  afterAll(() => server.stop());

  async function query(statement: string, password = "from a file"): Promise<unknown[]> {
    const client = new pg.Client({
      host: server.getHost(),
      port: server.getMappedPort(5432),
      user: "postgres",
      database: "postgres",
      password,
    });
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  test("it reports itself healthy", async () => {
    const container = (await engine()).getContainer(server.getId());
    await until("the container is healthy", async () => {
      return (await container.inspect()).State.Health?.Status === "healthy";
    });
  });

  test("only that password lets anyone in, and only its SCRAM verifier is kept", async () => {
    await expect(query("select 1", "postgres")).rejects.toThrow("password authentication failed");
    const verifier = "select rolpassword from pg_authid where rolname = 'postgres'";
    expect(await query(verifier)).toEqual([
      { rolpassword: expect.stringMatching(/^SCRAM-SHA-256\$/) },
    ]);
  });

  test("both databases are there", async () => {
    expect(
      await query("select datname from pg_database where not datistemplate order by 1"),
    ).toEqual([{ datname: "centralcloud" }, { datname: "postgres" }, { datname: "singularity" }]);
  });

  test("arguments and the environment reach the server", async () => {
    expect(await query("show work_mem")).toEqual([{ work_mem: "5MB" }]);
    expect(await query("show cron.database_name")).toEqual([
      { "cron.database_name": "centralcloud" },
    ]);
  });

  test("its log says what was refused, and quotes neither statement nor row", async () => {
    await query("create table refused (x text check (x = ''))");
    await expect(query("insert into refused values ('ROW-4711')")).rejects.toThrow(
      /refused_x_check/,
    );
    const log = await until("the error is in the log", async () => {
      const text = await logOf((await engine()).getContainer(server.getId()));
      return text.includes("refused_x_check") ? text : undefined;
    });
    expect(log).not.toContain("ROW-4711");
  });

  test("stopping is fast and orderly, and a second start finds what the first left", async () => {
    await query("create table kept (x integer)");
    // A client that stays would keep a smart shutdown waiting.
    const staying = server.exec(["psql", "-c", "select pg_sleep(60)"]);
    await until("the client is there", async () => {
      return (await query("select from pg_stat_activity where wait_event = 'PgSleep'")).length > 0;
    });
    await server.restart({ timeout: 20_000 });
    expect((await staying).exitCode).not.toBe(0);
    expect(await query("select * from kept")).toEqual([]);
    const log = await logOf((await engine()).getContainer(server.getId()));
    expect(log).toContain("received fast shutdown request");
    expect(log).not.toContain("was not properly shut down");
  });
});

test("without a password it refuses to start, and says what to set", async () => {
  const container = await (await engine()).createContainer({ Image: imageName() });
  try {
    await container.start();
    expect(await container.wait()).toMatchObject({ StatusCode: 1 });
    expect(await logOf(container)).toContain("set POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE");
  } finally {
    await container.remove({ force: true, v: true });
  }
});
