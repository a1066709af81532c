import { diagnose } from "@centralcloud/doctor";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Authority, createAuthority } from "../support/certificates.ts";
import { startCommand } from "../support/command.ts";
import { problem } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { startTlsServer, type TlsServer } from "../support/tls-server.ts";
import { until } from "../support/until.ts";

let authority: Authority;
let stranger: Authority;
let server: TlsServer;
failOnLeaks();

const host = "localhost";
const databases = ["singularity", "centralcloud"] as const;

beforeAll(async () => {
  authority = await createAuthority("authority of the test");
  undo.push(authority.dispose);
  stranger = await createAuthority("authority of somebody else");
  undo.push(stranger.dispose);
  server = await startTlsServer(authority, await authority.issue([host]), databases);
  undo.push(server.postgres.stop);
  await migrateAndSchedule("source", verified("singularity"), () => {});
  await migrateAndSchedule("central", verified("centralcloud"), () => {});
});

/** In reverse order; what the set-up did not get to is not there. */
const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function verified(database: string): string {
  return server.urlOf(database, host, { sslmode: "verify-full", sslrootcert: authority.file });
}

function environment(parameters: Readonly<Record<string, string>>, at = host) {
  return {
    SOURCE_DATABASE_URLS: server.urlOf("singularity", at, parameters),
    CENTRAL_DATABASE_URL: server.urlOf("centralcloud", at, parameters),
    CONSUMER_HTTP_PORT: "0",
  };
}

/** Whether `queues`, which connects to both, works, and what it says if it doesn't. */
async function tryQueues(parameters: Readonly<Record<string, string>>, at = host) {
  const { exitCode, stderr } = await runCommand(["queues"], environment(parameters, at));
  return { exitCode, stderr };
}

const works = { exitCode: 0, stderr: "" };
const refused = (exitCode: number, words: RegExp) => ({
  exitCode,
  stderr: expect.stringMatching(words),
});

describe("sslmode means what libpq means by it", () => {
  test("verify-full: the right authority and the right name", async () => {
    const sslmode = "verify-full";
    expect(await tryQueues({ sslmode, sslrootcert: authority.file })).toEqual(works);
    expect(await tryQueues({ sslmode, sslrootcert: stranger.file })).toEqual(
      refused(3, /localhost:\d+\/singularity can't be reached: .*sslrootcert must name the auth/),
    );
    expect(await tryQueues({ sslmode })).toEqual(refused(3, /sslrootcert must name the authority/));
    // An address is not the name in the certificate.
    expect(await tryQueues({ sslmode, sslrootcert: authority.file }, "127.0.0.1")).toEqual(
      refused(3, /does not match certificate's altnames.*connect by the name/),
    );
  });

  test("verify-ca, and require with an authority: any name of it", async () => {
    for (const sslmode of ["verify-ca", "require"]) {
      expect(await tryQueues({ sslmode, sslrootcert: authority.file }, "127.0.0.1")).toEqual(works);
      expect(await tryQueues({ sslmode, sslrootcert: stranger.file }, "127.0.0.1")).toEqual(
        refused(3, /sslrootcert must name the authority/),
      );
    }
  });

  test("require without an authority: encrypted, whoever it is", async () => {
    expect(await tryQueues({ sslmode: "require" })).toEqual(works);
  });

  test("nothing, and disable: not encrypted, which this server does not take", async () => {
    for (const parameters of [{}, { sslmode: "disable" }]) {
      expect(await tryQueues(parameters)).toEqual(refused(3, /no encryption/));
    }
  });

  test("a mistake ends the process at start, and says which", async () => {
    const cases: [Record<string, string>, RegExp][] = [
      [{ sslmode: "verify-ca" }, /URL 1 of 1: sslmode=verify-ca needs sslrootcert/],
      [{ sslmode: "prefer" }, /promises nothing/],
      [{ sslmode: "verify_full" }, /must be one of disable, require, verify-ca, verify-full/],
      [{ sslmode: "require", sslrootcert: "/nowhere" }, /sslrootcert names can't be read \(ENOENT/],
      [{ sslmode: "verify-full", sslcrl: "/x" }, /sslcrl is not supported/],
    ];
    for (const [parameters, words] of cases) {
      expect(await tryQueues(parameters)).toEqual(refused(2, words));
    }
  });

  test("a certificate that has expired is refused", async () => {
    await server.present(await authority.issue([host], -1));
    expect(await tryQueues({ sslmode: "verify-full", sslrootcert: authority.file })).toEqual(
      refused(3, /certificate has expired \(renew the server's certificate\)/),
    );
    await server.present(await authority.issue([host]));
  });

  test("every command refuses a server that it can't trust", async () => {
    const parameters = { sslmode: "verify-full", sslrootcert: stranger.file };
    for (const words of [
      ["migrate"],
      ["drain"],
      ["jobs"],
      ["keys", "list"],
      ["dlq", "list"],
      ["sessions", "show", "any"],
      ["cdc", "status"],
      ["reconcile"],
      ["doctor"],
    ]) {
      const { exitCode, stderr } = await runCommand(words, environment(parameters));
      expect({ words, exitCode, stderr }).toEqual({
        words,
        ...refused(3, /sslrootcert must name the authority/),
      });
    }
  });

  test("an address that the certificate names is a name, too", async () => {
    await server.present(await authority.issue([host, "127.0.0.1"]));
    const parameters = { sslmode: "verify-full", sslrootcert: authority.file };
    expect(await tryQueues(parameters, "127.0.0.1")).toEqual(works);
  });

  test("a client's certificate is shown where the server asks for one", async () => {
    await server.query(
      "postgres",
      "create role with_certificate superuser login password 'of-certificate'",
    );
    const own = authority.write(await authority.issue(["with_certificate"]), "client");
    const url = new URL(verified("singularity"));
    url.username = "with_certificate";
    url.password = "of-certificate";
    const central = verified("centralcloud");
    const without = { SOURCE_DATABASE_URLS: url.href, CENTRAL_DATABASE_URL: central };
    expect((await runCommand(["queues"], without)).exitCode).toBe(3);
    url.searchParams.set("sslcert", own.cert);
    url.searchParams.set("sslkey", own.key);
    const { exitCode, stderr } = await runCommand(["queues"], {
      ...without,
      SOURCE_DATABASE_URLS: url.href,
    });
    expect({ exitCode, stderr }).toEqual(works);
  });
});

describe("every connection of ours is encrypted and verified", () => {
  test("of the consumer, its listener, heartbeat and capture, and of the scheduler", async () => {
    const parameters = { sslmode: "verify-full", sslrootcert: authority.file };
    const consumer = startCommand(["consume"], { ...environment(parameters), CDC_ENABLED: "true" });
    const scheduler = startCommand(["scheduler"], environment(parameters));
    try {
      const seen = await until("all connections", async () => {
        const rows = await server.query<{ name: string; ssl: boolean }>(
          "postgres",
          `select distinct a.application_name as name, s.ssl
             from pg_stat_activity a join pg_stat_ssl s using (pid)
            where a.application_name like 'centralcloud-%' order by 1`,
        );
        const names = rows.map(({ name }) => name);
        const expected = ["cdc", "consumer", "heartbeat", "listener", "scheduler"];
        return expected.every((name) => names.includes(`centralcloud-${name}`)) ? rows : undefined;
      });
      expect(seen.filter(({ ssl }) => !ssl)).toEqual([]);
    } finally {
      consumer.child.kill("SIGTERM");
      scheduler.child.kill("SIGTERM");
      await Promise.all([consumer.finished, scheduler.finished]);
    }
    await dropSlot();
  });

  test("a consumer that can't trust its database says so and waits for it to be repaired", async () => {
    await server.present(await authority.issue(["elsewhere.example"]));
    const parameters = { sslmode: "verify-full", sslrootcert: authority.file };
    const consumer = startCommand(["consume"], { ...environment(parameters), CDC_ENABLED: "true" });
    const scheduler = startCommand(["scheduler"], environment(parameters));
    try {
      const capture = await until("its fault", () => lineOf(consumer.output(), "capture-fault"));
      expect(capture.code).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
      const schedules = await until("its fault", () =>
        lineOf(scheduler.output() + scheduler.errors(), "scheduler-fault"),
      );
      expect(schedules.error).toMatch(/connect by the name in the server's certificate/);
      const fault = await until("a fault", () => lineOf(consumer.output(), "database-fault"));
      expect(fault).toMatchObject({
        level: 50,
        kind: "not-trusted",
        code: "ERR_TLS_CERT_ALTNAME_INVALID",
        error: expect.stringMatching(/altnames.*connect by the name in the server's certificate/),
      });
      const started = lineOf(consumer.output(), "part-started");
      const port = /\d+/.exec(String(started?.detail))?.[0];
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain("connect by the name in the server's certificate");
      await server.present(await authority.issue([host]));
      await until("the consumer to be ready", async () => {
        return (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200;
      });
    } finally {
      consumer.child.kill("SIGTERM");
      scheduler.child.kill("SIGTERM");
      await Promise.all([consumer.finished, scheduler.finished]);
    }
    await dropSlot();
  });
});

test("the doctor says how its connections are encrypted, and where nobody is verified", async () => {
  const encryption = async (parameters: Record<string, string>, at: string) => {
    const { sourceUrls, centralUrl } = {
      sourceUrls: [server.urlOf("singularity", at, parameters)],
      centralUrl: server.urlOf("centralcloud", at, parameters),
    };
    const { findings } = await diagnose({ sourceUrls, centralUrl, queues: [] });
    return findings.filter(({ check }) => check === "encryption");
  };
  const verifying = { sslmode: "verify-full", sslrootcert: authority.file };
  const fine = expect.objectContaining({
    severity: "ok",
    message: expect.stringMatching(/^TLSv1\.\d with \S+; the server's certificate is verified$/),
  });
  expect(await encryption(verifying, host)).toEqual([fine, fine]);
  // The loopback address as a number: a name that does not look like this machine's.
  const blind = problem("warning", /but with whoever answers/, /instead of sslmode=require$/);
  expect(await encryption({ sslmode: "require" }, "2130706433")).toEqual([blind, blind]);
});

test("a server without TLS is refused by sslmode=require", async () => {
  const plain = await startEmbeddedPostgres({ databases: [...databases] });
  try {
    const { exitCode, stderr } = await runCommand(["queues"], {
      SOURCE_DATABASE_URLS: `${plain.urlOf("singularity")}?sslmode=require`,
      CENTRAL_DATABASE_URL: `${plain.urlOf("centralcloud")}?sslmode=require`,
    });
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/does not support SSL connections \(turn ssl on at the server/);
  } finally {
    await plain.stop();
  }
});

/** A database with a slot can't be dropped, and its server would keep the log for it. */
async function dropSlot(): Promise<void> {
  const words = ["cdc", "drop", "--reason", "the test is over"];
  const { exitCode } = await runCommand(words, environment({ sslmode: "require" }));
  expect(exitCode).toBe(0);
}

function lineOf(output: string, event: string): Record<string, unknown> | undefined {
  const lines = output.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ msg }) => msg === event);
}
