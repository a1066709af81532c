import { randomBytes } from "node:crypto";
import type { Finding } from "@centralcloud/doctor";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { describe, expect, test } from "vitest";
import { environmentOf, runCommandAlone } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { examine, problem, useSources } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { addNewKey } from "../support/session-keys.ts";
import { withoutColours } from "../support/terminal.ts";

const system = useSystem();
const sources = useSources(system);
failOnLeaks(system);

const nowhere = "postgres://user:hunter2@127.0.0.1:1/nothing";

describe("a healthy system", () => {
  test("has no errors, and is told what it uses", async () => {
    const source = await sources.open("source");
    await addNewKey(source, "doctor-key", { activate: true });
    const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS: source.url };
    const { exitCode, stdout, stderr } = await runCommand(["doctor", "--json"], environment);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const { findings, summary } = JSON.parse(stdout) as { findings: Finding[]; summary: object };
    // The tests' server runs without autovacuum and fsync, on both sides.
    const unwell = findings.filter(({ severity }) => severity !== "ok");
    expect(unwell.map(({ check }) => check)).toEqual([
      "durability",
      "vacuum",
      "durability",
      "vacuum",
    ]);
    expect(summary).toEqual({ ok: findings.length - 4, warnings: 4, errors: 0 });
    for (const { database } of findings) {
      expect(database).toMatch(/^(source|central) 127\.0\.0\.1:\d+\/[a-z0-9_]+$/);
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
      /^sealing: pgcrypto 1\.\d can seal sessions/,
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
    expect(blocks[0]).toMatch(/^source 127\.0\.0\.1:\d+\/.+\n( {2}\S.+\n)+/);
    expect(blocks[0]).toMatch(
      /\n {2}warning {2}session-keys {2}no session key is active.+\n {20,}→ centralcloud keys generate.+\n {20,}because sessions leave/,
    );
    expect(blocks[1]).toMatch(/^central 127\.0\.0\.1:\d+\//);
    expect(blocks[2]).toMatch(/^0 errors, 5 warnings, \d+ ok$/);
    expect(stdout).not.toMatch(/^ {2}ok /m);
  });

  test("is shown with what is broken first, also where all is asked for, and coloured by how bad it is", async () => {
    const environment = {
      ...environmentOf(system),
      SOURCE_DATABASE_URLS: `${system.singularity.url} postgres://127.0.0.1:1/nowhere`,
      FORCE_COLOR: "1",
    };
    const { exitCode, stdout } = await runCommandAlone(["doctor", "--all"], environment);
    expect(exitCode).toBe(3);
    const plain = withoutColours(stdout);
    const severities = [...plain.matchAll(/^ {2}(error|warning|ok) /gm)].map(([, one]) => one);
    expect(severities[0]).toBe("error");
    expect(severities.lastIndexOf("warning")).toBeLessThan(severities.indexOf("ok"));
    expect(plain.split("\n")[0]).toContain("127.0.0.1:1/nowhere");
    expect(stdout).toContain("\u001b[31merror  \u001b[0m");
    expect(stdout).toContain("\u001b[33mwarning\u001b[0m");
  });

  test("is shown what is well, too, where all is asked for", async () => {
    const { stdout } = await runCommand(["doctor", "--all"], environmentOf(system));
    const [, count] = /, (\d+) ok$/m.exec(stdout) ?? [];
    expect(stdout.match(/^ {2}ok /gm)).toHaveLength(Number(count));
  });

  test("is looked at for those things only that are named", async () => {
    const words = ["doctor", "--json", "--check", "vacuum", "--check", "identity"];
    const { stdout } = await runCommand(words, environmentOf(system));
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings.map(({ check }) => check)).toEqual(["vacuum", "identity", "vacuum"]);
    const unknown = await runCommand(["doctor", "--check", "vacum"], environmentOf(system));
    expect(unknown).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unknown.stderr).toMatch(/There are: agent-tasks, .*vacuum/);
  });
});

describe("a database that can't be reached", () => {
  test("is an error among others, which are examined nevertheless", async () => {
    const environment = environmentOf(system);
    const { exitCode, stdout, stderr } = await runCommand(["doctor", "--json"], {
      ...environment,
      SOURCE_DATABASE_URLS: `${nowhere} ${environment.SOURCE_DATABASE_URLS}`,
    });
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(
      /^centralcloud: 127\.0\.0\.1:1\/nothing can't be reached: .*ECONNREFUSED/,
    );
    expect(stdout).not.toContain("hunter2");
    const { findings, unreachable } = JSON.parse(stdout) as {
      findings: Finding[];
      unreachable: unknown;
    };
    expect(unreachable).toMatchObject([{ source: "127.0.0.1:1/nothing" }]);
    expect(findings[0]).toEqual({
      check: "reachable",
      severity: "error",
      database: "source 127.0.0.1:1/nothing",
      message: expect.stringMatching(/^it can't be reached: .*ECONNREFUSED/),
      remedy: expect.stringContaining("see that the server runs"),
      why: "nothing that needs it works",
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

test("a server that is not set up for capturing changes", async () => {
  const name = `plain_${randomBytes(4).toString("hex")}`;
  const server = await startEmbeddedPostgres({
    databases: [name],
    settings: { wal_level: "replica", max_wal_senders: "0", max_replication_slots: "0" },
  });
  try {
    const url = server.urlOf(name);
    const findings = await examine(system, { sourceUrls: [url], centralUrl: url });
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
