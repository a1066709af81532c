import { createCapturedTables, type LogEntry, readCaptureStatus } from "@centralcloud/cdc";
import { beforeEach, describe, expect, test } from "vitest";
import { dropSlots, pluginsHere, useCapture } from "../support/capture.ts";
import { environmentOf, startCommand } from "../support/command.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { examine, problem } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* Changes that the server, this program or the central store can't take: each is named, and everything else continues. */

const odd = `"My ""odd"" \\ Schema"`;

describe.each(pluginsHere)("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);
  const query = (text: string) => system.singularity.pool.query(text);
  const tables = createCapturedTables(["agents", "moods", "other_moods"], []);

  beforeEach(async () => {
    await dropSlots(system);
    await system.central.pool.query(
      "delete from central.capture_cursors; delete from central.change_log",
    );
    await query(`
      select end_publication();
      delete from agents;
      drop table if exists moods, other_moods, kept;
      drop schema if exists ${odd} cascade;
      create schema ${odd};
      create type ${odd}.mood as enum ('glad', 'sad');
      create domain ${odd}.amount as numeric(30, 10);
      create domain ${odd}.price as ${odd}.amount;
      create domain ${odd}.flag as boolean;
      create domain ${odd}.document as jsonb;
      create domain ${odd}.bytes as bytea;
      create table other_moods (id integer primary key, mood ${odd}.mood);
      create table moods (
        id integer primary key, mood ${odd}.mood, amount ${odd}.amount, price ${odd}.price, flag ${odd}.flag,
        document ${odd}.document, bytes ${odd}.bytes, twice integer generated always as (2 * id) stored
      );
      alter table moods owner to centralcloud_owner;
      alter table other_moods owner to centralcloud_owner`);
  });

  const values = `'sad', 1.50, 'NaN', true, '{"big": 12345678901234567890}', '\\x0102'`;
  const valuesOf = (entry: LogEntry | undefined) => entry?.newValues;

  test("a type whose schema needs quotes is decoded like any other", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await query("insert into moods values (1, 'glad')");
    await capture.caughtUp();
    expect((await capture.log()).map(({ newValues }) => JSON.parse(newValues ?? ""))).toMatchObject(
      [{ id: 1, mood: "glad" }],
    );
  });

  test("values of domains, and computed columns, are the same in the stream and in a snapshot", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await query(`insert into moods values (1, ${values})`);
    await capture.caughtUp();
    await part.stop();
    const environment = {
      ...environmentOf(system),
      CDC_OUTPUT_PLUGIN: plugin,
      CDC_TABLES: tables.names.join(","),
    };
    expect((await runCommand(["cdc", "recreate", "--reason", "x"], environment)).exitCode).toBe(0);
    const [streamed, snapshot] = await capture.log();
    expect(snapshot?.operation).toBe("snapshot");
    expect(valuesOf(streamed)).toBe(valuesOf(snapshot));
    expect(valuesOf(streamed)).toBe(
      '{"id": 1, "flag": true, "mood": "sad", "bytes": "\\\\x0102", "price": "NaN", "amount": 1.5000000000, "document": {"big": 12345678901234567890}}',
    );
  });

  /** Rows that hold a label that is none any more: the server itself can't write them out. */
  async function spoil(...names: readonly string[]): Promise<void> {
    await query(`create table kept as select 1 as id, 'sad'::${odd}.mood as mood`);
    await query(
      `delete from pg_enum where enumlabel = 'sad' and enumtypid = '${odd}.mood'::regtype`,
    );
    for (const name of names) await query(`insert into ${name} select id, mood from kept`);
  }

  test("a change that the server can't decode is named, what was before it is recorded, and it backs off", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await query("insert into agents (agent_id) values ('before')");
    await spoil("moods");
    const named = /^a change of moods at [0-9A-F]+\/[0-9A-F]+ can't be decoded: /;
    const told = await part.observed("capture-fault");
    expect(told).toMatchObject({
      side: "source",
      code: "undecodable_change",
      error: expect.stringMatching(named),
    });
    expect(told.error).toMatch(/CDC_TABLES.*centralcloud cdc recreate/);
    expect(told.retryInMs).toBeGreaterThan(3_000);
    expect((await capture.log()).map(({ table }) => table)).toEqual(["agents"]);

    expect(await readCaptureStatus(system.singularity.pool, system.central.pool)).toMatchObject({
      fault: expect.stringMatching(named),
    });
    const shown = await runCommand(["cdc", "status"], environmentOf(system));
    expect(shown).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/change of moods at/),
    });
    expect(await examine(system)).toContainEqual(
      problem("error", /does not continue: a change of moods at/, /do what it says/),
    );
    expect(part.observations.filter(({ event }) => event === "capture-fault")).toHaveLength(1);
  });

  describe("a command that shows changes", () => {
    const environment = () => ({
      ...environmentOf(system),
      CDC_OUTPUT_PLUGIN: plugin,
      CDC_TABLES: tables.names.join(","),
    });
    const named =
      /a change of moods at [0-9A-F]+\/[0-9A-F]+ can't be decoded: .*CDC_TABLES.*centralcloud cdc recreate --source singularity_/;

    test("names the change that the server can't decode as the capture does: peek", async () => {
      const part = await capture.start({ tables });
      await part.observed("capture-reading");
      await part.stop();
      await query("insert into agents (agent_id) values ('before')");
      await spoil("moods");
      const peeked = await runCommand(["cdc", "peek"], environment());
      expect(peeked).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(named) });
      expect(peeked.stderr).not.toContain("sad");
    });

    test("names the change that the server can't decode as the capture does: tail", async () => {
      const part = await capture.start({ tables });
      await part.observed("capture-reading");
      await part.stop();
      const { errors, finished } = startCommand(["cdc", "tail"], environment());
      await until("it follows", () => errors().includes("following"));
      await spoil("moods");
      const { exitCode, stderr } = await finished;
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringMatching(named),
      });
    });
  });

  test("a capture that begins with such a change names it, too", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await part.stop();
    await spoil("moods");
    const again = await capture.start({ tables });
    expect((await again.observed("capture-fault")).error).toMatch(
      /^a change of moods at [0-9A-F]+\/[0-9A-F]+ can't be decoded: /,
    );
  });

  test("the table is named also where another one came before it in the transaction", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await query(`create table kept as select 1 as id, 'sad'::${odd}.mood as mood`);
    await query(
      `delete from pg_enum where enumlabel = 'sad' and enumtypid = '${odd}.mood'::regtype`,
    );
    await query(
      "begin; insert into agents (agent_id) values ('first'); insert into other_moods select id, mood from kept; commit",
    );
    expect((await part.observed("capture-fault")).error).toContain("a change of other_moods at ");
  });

  test("other sources continue", async () => {
    const other = await createTestDatabase("source");
    try {
      await other.pool.query(`grant create on database "${other.name}" to centralcloud_owner`);
      await other.pool.query(
        "create table moods (id integer primary key); alter table moods owner to centralcloud_owner",
      );
      const part = await capture.start({
        tables: createCapturedTables(["agents", "moods"], []),
        sourceUrls: [system.singularity.url, other.url],
      });
      await until(
        "both sources to be read",
        () => part.observations.filter(({ event }) => event === "capture-reading").length === 2,
      );
      await spoil("moods");
      const isStuck = (one: Observation) =>
        one.event === "capture-fault" && one.code === "undecodable_change";
      await until("the change to be met", () => part.observations.some(isStuck));
      await other.pool.query("insert into agents (agent_id) values ('elsewhere')");
      await until("the other source's change to be recorded", async () =>
        (await capture.log()).some(({ source }) => source === other.name),
      );
      await part.stop();
    } finally {
      await dropSlots({ ...system, singularity: other });
      await dropTestDatabase(other);
    }
  });

  test("a change that is too large for the central store is named, and told what to do", async () => {
    await system.central.pool.query(`
      create function central.refuse() returns trigger language plpgsql as $$
      begin raise exception 'string too long' using errcode = 'program_limit_exceeded'; end $$;
      create trigger refuses before insert on central.change_log
        for each row when (new.table_name = 'moods') execute function central.refuse()`);
    try {
      const part = await capture.start({ tables });
      await part.observed("capture-reading");
      await query("insert into moods (id) values (1)");
      expect((await part.observed("capture-fault")).error).toMatch(
        /^a change of moods at [0-9A-F]+\/[0-9A-F]+ can't be decoded: the row is too large; take moods out of CDC_TABLES/,
      );
    } finally {
      await system.central.pool.query(
        "drop trigger refuses on central.change_log; drop function central.refuse()",
      );
    }
  });

  test("a capture that was stuck continues, and says no more that it is, once the table is left out", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await spoil("moods");
    await part.observed("capture-fault");
    await part.stop();
    const environment = {
      ...environmentOf(system),
      CDC_OUTPUT_PLUGIN: plugin,
      CDC_TABLES: "agents",
    };
    if (plugin === "pgoutput") {
      const words = ["cdc", "recreate", "--reason", "a change that can't be decoded"];
      expect((await runCommand(words, environment)).exitCode).toBe(0);
    }
    const again = await capture.start({ tables: createCapturedTables(["agents"], []) });
    await again.observed("capture-reading");
    await query("insert into agents (agent_id) values ('after')");
    await capture.caughtUp();
    expect((await runCommand(["cdc", "status"], environment)).exitCode).toBe(0);
  });
});
