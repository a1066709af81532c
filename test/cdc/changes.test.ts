import { createCapturedTables, defaultTables, type LogEntry } from "@centralcloud/cdc";
import { beforeAll, describe, expect, test } from "vitest";
import { pluginsHere, useCapture } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const tables = createCapturedTables([...defaultTables, "things", "wholes"], ["things.hidden"]);

describe.each(pluginsHere)("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);
  const query = (text: string, values: unknown[] = []) =>
    system.singularity.pool.query(text, values);

  beforeAll(async () => {
    await query(`
      create table things (id integer primary key, label text, amount numeric, hidden text default 'hidden value');
      create table wholes (id integer primary key, label text);
      alter table wholes replica identity full;
      alter table things alter label set storage external;
      alter table things owner to centralcloud_owner;
      alter table wholes owner to centralcloud_owner;`);
  });

  /** What was recorded of these statements, each a transaction of its own. */
  async function changesOf(...statements: string[]): Promise<LogEntry[]> {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await capture.caughtUp();
    const before = (await capture.log()).length;
    for (const statement of statements) await query(statement);
    await capture.caughtUp();
    const entries = await capture.log();
    await part.stop();
    return entries.slice(before);
  }

  const brief = ({ table, operation, key, oldValues, newValues, unchanged }: LogEntry) => ({
    table,
    operation,
    key,
    oldValues,
    newValues,
    unchanged,
  });
  const nothing = { key: null, oldValues: null, newValues: null, unchanged: [] };

  test("the first capture marks where it began, and is the only slot of its database", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    const marks = await capture.marks();
    expect(marks.map((mark) => mark.operation)).toEqual(["begin"]);
    expect(marks[0]?.newValues).toContain(`"plugin": "${plugin}"`);
    const { rows } = await query(
      "select slot_name, plugin, active from pg_replication_slots where database = current_database()",
    );
    expect(rows).toEqual([
      { slot_name: expect.stringContaining("singularity_centralcloud_cdc"), plugin, active: true },
    ]);
  });

  test("inserts, updates and deletes come with their key and values", async () => {
    const changes = await changesOf(
      "insert into things values (1, 'one', 1.50, 'h')",
      "update things set amount = null where id = 1",
      "delete from things where id = 1",
    );
    expect(changes.map(brief)).toEqual([
      {
        ...nothing,
        table: "things",
        operation: "insert",
        key: '{"id": 1}',
        newValues: '{"id": 1, "label": "one", "amount": 1.50}',
      },
      {
        ...nothing,
        table: "things",
        operation: "update",
        key: '{"id": 1}',
        newValues: '{"id": 1, "label": "one", "amount": null}',
      },
      { ...nothing, table: "things", operation: "delete", key: '{"id": 1}' },
    ]);
  });

  test("a changed key is told by the key before and the values after", async () => {
    const changes = await changesOf(
      "insert into things values (2, 'two', 2)",
      "update things set id = 3 where id = 2",
      "delete from things where id = 3",
    );
    expect(changes[1]).toMatchObject({
      key: '{"id": 2}',
      newValues: '{"id": 3, "label": "two", "amount": 2}',
    });
    expect(changes[2]).toMatchObject({ operation: "delete", key: '{"id": 3}' });
  });

  test("a large value that did not change is told apart from one that became null", async () => {
    const changes = await changesOf(
      "insert into things select 4, string_agg(md5(g::text), ''), 1 from generate_series(1, 200) g",
      "update things set amount = 2 where id = 4",
      "update things set label = null where id = 4",
      "update things set amount = 3 where id = 4",
    );
    expect(changes.map(({ unchanged }) => unchanged)).toEqual([[], ["label"], [], []]);
    expect(changes[1]?.newValues).toBe('{"id": 4, "amount": 2}');
    expect(changes[2]?.newValues).toBe('{"id": 4, "label": null, "amount": 2}');
    expect(changes[3]?.newValues).toBe('{"id": 4, "label": null, "amount": 3}');
  });

  test("a table with a full replica identity gives the row before, too", async () => {
    const changes = await changesOf(
      "insert into wholes values (1, 'a')",
      "update wholes set label = 'b'",
      "delete from wholes",
    );
    expect(changes.map(brief)).toEqual([
      {
        ...nothing,
        table: "wholes",
        operation: "insert",
        key: '{"id": 1}',
        newValues: '{"id": 1, "label": "a"}',
      },
      {
        ...nothing,
        table: "wholes",
        operation: "update",
        key: '{"id": 1}',
        oldValues: '{"id": 1, "label": "a"}',
        newValues: '{"id": 1, "label": "b"}',
      },
      {
        ...nothing,
        table: "wholes",
        operation: "delete",
        key: '{"id": 1}',
        oldValues: '{"id": 1, "label": "b"}',
      },
    ]);
  });

  test("a truncate is one change for each captured table", async () => {
    const changes = await changesOf("truncate things, wholes, analysis_results");
    expect(changes.map(brief).toSorted((a, b) => (a.table < b.table ? -1 : 1))).toEqual([
      { ...nothing, table: "things", operation: "truncate" },
      { ...nothing, table: "wholes", operation: "truncate" },
    ]);
    expect(changes.map(({ ordinal }) => ordinal)).toEqual([0, 1]);
  });

  test("numbers and documents stay exact, to the last digit", async () => {
    const changes = await changesOf(
      `insert into learned_patterns (agent_id, pattern, confidence)
       values ('exact', '{"big": 12345678901234567890, "scale": 0.10, "text": "\\u2028\\"ü"}', 0.90)`,
      "insert into things values (5, 'NaN', 'NaN'), (6, 'big', 12345678901234567890.123456789)",
    );
    expect(changes[0]?.newValues).toContain(
      '"pattern": {"big": 12345678901234567890, "text": "\u2028\\"ü", "scale": 0.10}',
    );
    expect(changes[0]?.newValues).toContain('"confidence": 0.90');
    expect(changes[1]?.newValues).toBe('{"id": 5, "label": "NaN", "amount": "NaN"}');
    expect(changes[2]?.newValues).toBe(
      '{"id": 6, "label": "big", "amount": 12345678901234567890.123456789}',
    );
  });

  test("the changes of a transaction share its LSN, and are numbered in their order", async () => {
    const changes = await changesOf(
      `begin;
       insert into agents (agent_id) values ('in-order');
       savepoint s;
       insert into things values (7, 'rolled back', 1);
       rollback to s;
       insert into things values (7, 'kept', 1);
       update agents set capacity = 1 where agent_id = 'in-order';
       commit`,
    );
    expect(changes.map(({ table, operation, ordinal }) => [table, operation, ordinal])).toEqual([
      ["agents", "insert", 0],
      ["things", "insert", 1],
      ["agents", "update", 2],
    ]);
    expect(new Set(changes.map(({ lsn }) => lsn)).size).toBe(1);
    expect(new Set(changes.map(({ xid }) => xid)).size).toBe(1);
  });

  test("what is rolled back, or happens to other tables, is not captured", async () => {
    const changes = await changesOf(
      "begin; insert into agents (agent_id) values ('rolled-back'); rollback",
      "insert into analysis_results (agent_id) values ('not captured')",
    );
    expect(changes).toEqual([]);
  });

  test("a column that is added, renamed or dropped is followed", async () => {
    const changes = await changesOf(
      "alter table wholes add colour text default 'red'",
      "insert into wholes (id, colour) values (8, 'blue')",
      "alter table wholes rename colour to paint",
      "insert into wholes (id, paint) values (9, 'green')",
      "alter table wholes drop paint",
      "insert into wholes (id) values (10)",
    );
    expect(changes.map(({ newValues }) => newValues)).toEqual([
      '{"id": 8, "label": null, "colour": "blue"}',
      '{"id": 9, "label": null, "paint": "green"}',
      '{"id": 10, "label": null}',
    ]);
  });

  test("a captured table that is dropped does not end the capture of the others", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await query("create table copy_of_wholes as table wholes; drop table wholes");
    await part.stop();
    const changes = await changesOf("insert into agents (agent_id) values ('after-the-drop')");
    expect(changes.map(({ newValues }) => newValues)).toEqual([
      expect.stringContaining("after-the-drop"),
    ]);
  });

  test("a session's state is in no entry, nor is a column of the future", async () => {
    const secret = "a secret that nobody may read";
    const changes = await changesOf(
      `insert into agent_sessions (agent_id, state) values ('s', '{"secret": "${secret}"}')`,
      `update agent_sessions set state = '{"secret": "changed ${secret}"}', confidence = 0.7`,
      "alter table agent_sessions add summary text",
      `update agent_sessions set summary = '${secret}'`,
      "delete from agent_sessions",
    );
    expect(changes.length).toBeGreaterThan(4);
    const { rows } = await system.central.pool.query(
      "select count(*)::integer as found from central.change_log c where c::text ~ 'secret|summary|state'",
    );
    expect(rows).toEqual([{ found: 0 }]);
  });

  test("a column that is left out is in no entry", async () => {
    await changesOf("insert into things values (11, 'x', 1, 'hidden value')");
    const { rows } = await system.central.pool.query(
      "select count(*)::integer as found from central.change_log c where c::text ~ 'hidden'",
    );
    expect(rows).toEqual([{ found: 0 }]);
  });
});
