import type { Finding } from "@centralcloud/doctor";
import { describe, expect, test } from "vitest";
import { problem } from "../support/doctor.ts";
import { useHealthySystem } from "../support/healthy-system.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useHealthySystem();
const { query, queryCentral, unwell } = system;
failOnLeaks();

/** Gives the databases a parameter of their URL, as a login or pooler might. */
function withParameter(url: string, name: string, value: string): string {
  const changed = new URL(url);
  changed.searchParams.set(name, value);
  return changed.href;
}

test("a system in good health has nothing but ok, and every check says something of it", async () => {
  const { exitCode, stdout, stderr } = await runCommand(["doctor", "--json"], {
    SOURCE_DATABASE_URLS: system.singularity.url,
    CENTRAL_DATABASE_URL: system.central.url,
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const { findings, summary, repairs } = JSON.parse(stdout);
  expect(summary).toEqual({ ok: findings.length, warnings: 0, errors: 0 });
  expect(repairs).toBeUndefined();
  const checks = new Set(findings.map(({ check }: Finding) => check));
  for (const name of [
    "bloat",
    "clock",
    "connections",
    "consumers",
    "durability",
    "encryption",
    "snapshots",
    "statistics",
  ]) {
    expect(checks).toContain(name);
  }
});

describe("snapshots", () => {
  test("an open transaction is named, with the command that ends it", async () => {
    const client = await system.singularity.pool.connect();
    await client.query("begin");
    const found = await unwell({ limits: { transactionS: 0 } });
    expect(found).toEqual([
      problem(
        "warning",
        /^a transaction has been open for \d+ s \(test-harness of postgres, process \d+, idle in/,
        /select pg_terminate_backend\(\d+\)$/,
      ),
    ]);
    expect(await unwell()).toEqual([]);
    await client.query("rollback");
    client.release();
  });

  test("a prepared transaction is named, with the commands that end it", async () => {
    await query("begin; create table never_made (); prepare transaction 'it''s forgotten'");
    expect(await unwell({ limits: { preparedTransactionS: 0 } })).toEqual([
      problem(
        "warning",
        /^the prepared transaction 'it''s forgotten' of postgres has waited/,
        /commit prepared 'it''s forgotten', or rollback prepared 'it''s forgotten'/,
      ),
    ]);
    await query("rollback prepared 'it''s forgotten'");
  });
});

describe("clocks", () => {
  test("one that is ahead is found, and that two disagree", async () => {
    await query(
      `create schema other_time;
       create function other_time.clock_timestamp() returns timestamptz language sql
         as 'select pg_catalog.clock_timestamp() + interval ''90 seconds'''`,
    );
    const url = withParameter(
      system.singularity.url,
      "options",
      "-c search_path=other_time,pg_catalog,public",
    );
    expect((await unwell({ sourceUrls: [url] })).filter(({ check }) => check === "clock")).toEqual([
      problem(
        "warning",
        /^its clock is 90 s ahead of this machine's, at least \(\d+ to \d+ ms/,
        /chronyd/,
      ),
      problem(
        "warning",
        /^its clock is 90 s ahead of that of the central database/,
        /time servers/,
      ),
    ]);
    await query("drop schema other_time cascade");
  });
});

test("weak settings are found, wherever they come from", async () => {
  const url = withParameter(system.central.url, "options", "-c synchronous_commit=off");
  expect(await unwell({ centralUrl: url })).toEqual([
    problem("warning", /^synchronous_commit is off: .* a message could be archived whose/, /= on/),
  ]);
  await query("alter system set fsync = off");
  await query("alter system set full_page_writes = off");
  await query("select pg_reload_conf()");
  await until("the settings", async () => (await unwell()).length === 2);
  const both = problem(
    "warning",
    /^fsync is off: .* destroy the whole database; full_page_writes is off: /,
    /^alter system set fsync = on; alter system set full_page_writes = on; select pg_reload_conf/,
  );
  expect(await unwell()).toEqual([both, both]);
  await query("alter system reset fsync");
  await query("alter system reset full_page_writes");
  await query("select pg_reload_conf()");
  await until("the settings", async () => (await unwell()).length === 0);
});

test("a connection to elsewhere that is not encrypted is found", async () => {
  // The loopback address as a number: a name that does not look like this machine's.
  const url = system.central.url.replace("127.0.0.1", "2130706433");
  const found = await unwell({ centralUrl: url });
  expect(found).toEqual([
    problem(
      "warning",
      /is not encrypted: anybody on the way/,
      /^sslmode=verify-full&sslrootcert=FILE$/,
    ),
  ]);
  expect(found[0]?.why).toMatch(/go over this connection/);
});

describe("connections", () => {
  test("too few for all replicas and one more", async () => {
    await queryCentral(
      `insert into central.consumers (id, version, host)
       select gen_random_uuid(), '0.1.0', 'test-host' from generate_series(1, 11)`,
    );
    expect(await unwell()).toEqual([
      problem(
        "warning",
        /^12 replicas .* 144 connections to it, 252 to its server; 19\d of 197.*too few/,
        /alter system set max_connections = \d{3}, restart/,
      ),
      problem(
        "warning",
        /^12 replicas .* 108 connections to it, 252 to its server/,
        /CONSUMER_CONCURRENCY/,
      ),
    ]);
    await queryCentral("delete from central.consumers");
  });

  test("a limit of the database", async () => {
    await queryCentral("alter database centralcloud connection limit 10");
    expect(await unwell()).toEqual([
      problem(
        "warning",
        /^2 replicas .* its connection limit, or its login's, is 10$/,
        /connection limit/,
      ),
    ]);
    await queryCentral("alter database centralcloud connection limit -1");
  });
});
