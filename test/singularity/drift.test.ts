import { readFileSync } from "node:fs";
import { findDrift, landedNameOf, readCatalog } from "@centralcloud/db";
import { type Side, sides } from "@centralcloud/postgres";
import pg from "pg";
import { afterEach, describe, expect, inject, test } from "vitest";
import { createTestDatabase, dropTestDatabase, type TestDatabase } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";

failOnLeaks();
const opened: TestDatabase[] = [];

afterEach(async () => {
  for (const database of opened.splice(0)) await dropTestDatabase(database);
  await dropRole("drift_reader");
});

/** A role belongs to the server, and outlives the database of its test. */
async function dropRole(name: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject("serverUrl") });
  await client.connect();
  await client.query(`drop role if exists ${name}`);
  await client.end();
}

async function open(side: Side, statements = ""): Promise<TestDatabase> {
  const database = await createTestDatabase(side);
  opened.push(database);
  await database.pool.query(statements);
  return database;
}

/** What the doctor's check says of a database that was changed so. */
async function findingsOf(side: Side, statements: string): Promise<string[]> {
  const changed = await open(side, statements);
  const other = await open(side === "source" ? "central" : "source");
  const [source, central] = side === "source" ? [changed, other] : [other, changed];
  const findings = await examine({ singularity: source, central });
  return findings
    .filter(({ check, severity }) => check === "drift" && severity !== "ok")
    .map((finding) => {
      expect(finding).toMatchObject({
        remedy: expect.stringMatching(/^centralcloud migrate --only|^select public\.create_queue/),
      });
      return finding.message;
    });
}

describe.each(sides)("%s", (side) => {
  test("a fresh database differs in nothing from the manifest", async () => {
    const database = await open(side);
    const client = await database.pool.connect();
    expect(await findDrift(side, client)).toEqual({ differences: [], rights: [] });
    client.release(true);
  });

  test("the manifest leaves out nothing that a fresh database has", async () => {
    const file = new URL(`../../packages/db/catalog/${landedNameOf(side)}.json`, import.meta.url);
    const { objects } = JSON.parse(readFileSync(file, "utf8"));
    const database = await open(side);
    const client = await database.pool.connect();
    const catalog = await readCatalog(side, client);
    client.release(true);
    const found = Object.keys(catalog).filter((name) => !/^(role |session$)/.test(name));
    expect(found.sort()).toEqual(Object.keys(objects).sort());
  });

  test("what users add for themselves is none of its business", async () => {
    const [table, column] =
      side === "source" ? ["public.agents", "status"] : ["central.sources", "name"];
    expect(
      await findingsOf(
        side,
        `create role drift_reader;
         grant select on ${table} to drift_reader;
         create index drift_index on ${table} (${column});
         alter table ${table} add column note text;
         alter table ${table} set (fillfactor = 80);
         create function public.drift_trigger() returns trigger language plpgsql as 'begin return null; end';
         create trigger drift after insert on ${table} execute function public.drift_trigger()`,
      ),
    ).toEqual([]);
  });
});

test("rights that were revoked from the consumer are named, and one that it was never given", async () => {
  expect(
    await findingsOf(
      "central",
      `revoke execute on all functions in schema central from centralcloud_consumer;
       revoke select on central.patterns from centralcloud_consumer;
       grant insert on central.patterns to centralcloud_consumer;
       grant select on central.operator_actions to public`,
    ),
  ).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^centralcloud_consumer lacks execute on function central\.merge_patterns\(/,
      ),
      "centralcloud_consumer lacks select on table central.patterns and has insert on table central.patterns, which was not given",
      "everybody has select on table central.operator_actions, which was not given",
    ]),
  );
  expect(
    await findingsOf(
      "source",
      `grant select on session_keys to centralcloud_consumer;
       grant select (state) on agent_sessions to centralcloud_auditor;
       grant create on schema public to centralcloud_application;
       revoke usage on schema pgmq from centralcloud_owner`,
    ),
  ).toEqual([
    "centralcloud_auditor has select (state) on table public.agent_sessions, which was not given",
    "centralcloud_consumer has select on table public.session_keys, which was not given",
    "centralcloud_owner lacks usage on schema pgmq",
    "centralcloud_application has create on schema public, which was not given",
  ]);
});

test("triggers and functions that are gone, disabled or changed are named", async () => {
  expect(
    await findingsOf(
      "source",
      `alter table agent_sessions disable trigger agent_sessions_persist_insert;
       drop trigger agent_sessions_persist_update on agent_sessions;
       drop function run_job;
       create or replace function gen_ulid() returns text language sql as 'select ''x''';
       alter function persist_agent_session() security invoker;
       delete from scheduled_jobs where job_name = 'update-knowledge-hourly'`,
    ),
  ).toEqual([
    "function public.run_job(text,text) is missing",
    "the definition of function public.gen_ulid() is not ours",
    expect.stringMatching(
      /^function public\.gen_ulid\(\): settings is security invoker, volatile, .* instead of /,
    ),
    expect.stringMatching(
      /^function public\.persist_agent_session\(\): settings is security invoker/,
    ),
    "job update-knowledge-hourly is missing",
    "the trigger agent_sessions_persist_insert of table public.agent_sessions is disabled",
    "table public.agent_sessions lacks the trigger agent_sessions_persist_update",
  ]);
});

test("an index that is gone, an unlogged queue, and autovacuum that is off are named", async () => {
  const queue = 'pgmq."q_agent-sessions"';
  expect(
    await findingsOf(
      "source",
      `drop index pgmq."q_agent-sessions_vt_idx";
       alter table ${queue} set unlogged;
       alter table ${queue} set (autovacuum_enabled = off, autovacuum_vacuum_threshold = 50);
       alter table ${queue} enable row level security;
       alter table agents alter capacity drop default, drop constraint status_is_known`,
    ),
  ).toEqual([
    "the column capacity of table public.agents is not the one that was made: integer not null instead of integer default 10 not null",
    "table public.agents lacks the constraint status_is_known",
    `table ${queue} lacks the index "q_agent-sessions_vt_idx"`,
    `table ${queue} has autovacuum_vacuum_threshold = 50 instead of 5000`,
    `table ${queue}: row level security is on instead of off`,
    `table ${queue}: storage is unlogged instead of logged`,
    `table ${queue} has autovacuum_enabled = off`,
  ]);
});

test("policies of an application's own table are left alone, unless they bind its owner", async () => {
  const database = await open(
    "source",
    "alter table agent_sessions enable row level security; alter table agents enable row level security, force row level security",
  );
  const client = await database.pool.connect();
  const { differences } = await findDrift("source", client).finally(() => client.release());
  expect(differences.filter(({ property }) => property === "row level security")).toEqual([
    expect.objectContaining({ object: "table public.agents", actual: "forced" }),
  ]);
});
