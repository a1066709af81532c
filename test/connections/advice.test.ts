import { diagnose, type Finding } from "@centralcloud/doctor";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Authority, createAuthority } from "../support/certificates.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { startTlsServer, type TlsServer } from "../support/tls-server.ts";

/* Who can't connect is told what helps, and not what helps against something else. */

const system = useSystem();
failOnLeaks();
let authority: Authority;
let server: TlsServer;

beforeAll(async () => {
  authority = await createAuthority("authority of the test");
  server = await startTlsServer(authority, await authority.issue(["localhost"]), ["singularity"]);
  const url = server.urlOf("singularity", "localhost", verified());
  await migrateAndSchedule("source", url, () => {});
});
afterAll(async () => {
  await server.postgres.stop();
  await authority.dispose();
});

function verified(): Record<string, string> {
  return { sslmode: "verify-full", sslrootcert: authority.file };
}

async function reach(url: string): Promise<Finding | undefined> {
  const { findings } = await diagnose({ sourceUrls: [], centralUrl: url, queues: [] });
  return findings.find(({ check }) => check === "reachable");
}

test("an expired certificate is not about passwords", async () => {
  await server.present(await authority.issue(["localhost"], -1));
  try {
    const found = await reach(server.urlOf("singularity", "localhost", verified()));
    expect(found).toMatchObject({ remedy: "renew the server's certificate" });
    expect(JSON.stringify(found)).not.toMatch(/password/);
  } finally {
    await server.present(await authority.issue(["localhost"]));
  }
});

test("verify-full against a server without TLS suggests TLS, and never to do without", async () => {
  const plain = await startEmbeddedPostgres({ databases: ["singularity"] });
  try {
    for (const sslmode of ["verify-full", "require"]) {
      const url = `${plain.urlOf("singularity")}?sslmode=${sslmode}`;
      const { stderr } = await runCommand(["queues"], {
        SOURCE_DATABASE_URLS: url,
        CENTRAL_DATABASE_URL: url,
      });
      const found = await reach(url);
      expect(found).toMatchObject({ remedy: expect.stringMatching(/turn ssl on at the server/) });
      expect(stderr).toMatch(/turn ssl on at the server/);
      expect(stderr + JSON.stringify(found)).not.toMatch(/disable|password/);
    }
  } finally {
    await plain.stop();
  }
});

test("each reason why a database can't be reached has its own advice", async () => {
  const url = (change: (url: URL) => void) => {
    const changed = new URL(system.central.url);
    change(changed);
    return changed.href;
  };
  const cases: [string, RegExp][] = [
    [url((to) => Object.assign(to, { port: "1" })), /^see that the server runs, and listens/],
    [url((to) => Object.assign(to, { hostname: "nowhere.invalid" })), /^see that the host's name/],
    [url((to) => Object.assign(to, { password: "wrong" })), /^see that user and password/],
    [url((to) => Object.assign(to, { password: "" })), /^give the user's password in the URL/],
    [url((to) => Object.assign(to, { pathname: "/none" })), /^see that the name of the database/],
  ];
  for (const [wrong, advice] of cases) {
    expect(await reach(wrong)).toMatchObject({ remedy: expect.stringMatching(advice) });
  }
});

test("a database that takes no writes is named as such", async () => {
  const { name, pool, url } = system.singularity;
  await pool.query(`alter database "${name}" set default_transaction_read_only = on`);
  try {
    const { exitCode, stderr } = await runCommand(["jobs", "run", "learn-patterns-every-5min"], {
      SOURCE_DATABASE_URLS: url,
      CENTRAL_DATABASE_URL: inject("serverUrl"),
    });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/default_transaction_read_only is on/),
    });
  } finally {
    const client = await pool.connect();
    await client.query("set default_transaction_read_only = off");
    await client.query(`alter database "${name}" reset default_transaction_read_only`);
    client.release();
  }
});
