import { createCapturedTables, defaultTables } from "@centralcloud/cdc";
import { describe, expect, test } from "vitest";
import { dropSlots, pluginsHere, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { examine, problem as finding } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* Tables that can't be captured: refused by name, by both plugins in the same words, and never at an application's cost. */

const words: readonly (readonly [table: string, make: string, problem: string])[] = [
  [
    "deferred",
    "create table deferred (id integer primary key deferrable initially deferred, label text)",
    "its primary key is deferrable",
  ],
  ["keyless", "create table keyless (id integer, label text)", "it has no primary key"],
  ["misspelt", "select 1", "there is no such table"],
  [
    "partitioned",
    "create table partitioned (id integer primary key) partition by range (id)",
    "only an ordinary table can be captured, without partitions or children",
  ],
  [
    "unlogged",
    "create unlogged table unlogged (id integer primary key)",
    "an unlogged or temporary table can't be captured",
  ],
  [
    "unidentified",
    "create table unidentified (id integer primary key); alter table unidentified replica identity nothing",
    "its replica identity is neither default nor full",
  ],
];

describe.each(pluginsHere)("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);
  const query = (text: string) => system.singularity.pool.query(text);
  const own = (table: string) => query(`alter table ${table} owner to centralcloud_owner`);

  test.each(words)("%s is refused before anything is made", async (table, make, problem) => {
    await query(make);
    const part = await capture.start({ tables: createCapturedTables(["agents", table], []) });
    expect(await part.observed("capture-fault")).toMatchObject({
      side: "source",
      code: "tables_refused",
      error: `the table ${table} can't be captured: ${problem}`,
    });
    await part.stop();
    const { rows } = await query(
      `select from pg_replication_slots where database = current_database()
       union all select from pg_publication`,
    );
    expect(rows).toEqual([]);
  });

  test("a table that can't be captured is refused by recreate, which drops nothing then", async () => {
    const tables = createCapturedTables(["agents"], []);
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await part.stop();
    const environment = {
      ...environmentOf(system),
      CDC_OUTPUT_PLUGIN: plugin,
      CDC_TABLES: "agents,keyless",
    };
    const { exitCode, stderr } = await runCommand(
      ["cdc", "recreate", "--reason", "x"],
      environment,
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain("the table keyless can't be captured: it has no primary key");
    const { rows } = await query(
      "select from pg_replication_slots where database = current_database()",
    );
    expect(rows).toHaveLength(1);
    await dropSlots(system);
    await system.central.pool.query("delete from central.capture_cursors");
  });

  test("what is captured of a table is all its columns, or those that are not left out, in their order", async () => {
    await query(
      "create table ordered (id integer primary key, zebra text, apple text, mango text)",
    );
    await query("alter table ordered replica identity full");
    const { rows } = await query(
      `select e.column_list as captured, e.problem
         from (values ('{}'::text[]), ('{ordered.apple}')) l (left_out)
        cross join lateral examine_captured_tables('{ordered}', l.left_out) e`,
    );
    await query("drop table ordered");
    expect(rows).toEqual([
      { captured: null, problem: null },
      {
        captured: ["id", "zebra", "mango"],
        problem: expect.stringContaining("its replica identity is full"),
      },
    ]);
  });

  async function expectToldToOperators(problem: string): Promise<void> {
    const captured = { names: [...defaultTables, "spoilt"], leftOut: [] };
    expect(await examine(system, { captured })).toContainEqual(
      finding("error", new RegExp(`changes of spoilt are not captured: ${problem}`), /CDC_TABLES/),
    );
    const environment = {
      ...environmentOf(system),
      CDC_OUTPUT_PLUGIN: plugin,
      CDC_TABLES: captured.names.join(","),
    };
    const { exitCode, stdout, stderr } = await runCommand(["cdc", "status", "--json"], environment);
    expect(JSON.parse(stdout)).toMatchObject([
      { state: "reading", refused: [{ table: "spoilt", problem }] },
    ]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`are not captured: ${problem}`),
    });
  }

  const spoiling = [
    ["whose key goes", "alter table spoilt drop constraint spoilt_pkey", "it has no primary key"],
    [
      "whose key becomes deferrable",
      "alter table spoilt drop constraint spoilt_pkey, add constraint spoilt_pkey primary key (id) deferrable",
      "its primary key is deferrable",
    ],
    [
      "whose replica identity is taken away",
      "alter table spoilt replica identity nothing",
      "its replica identity is neither default nor full",
    ],
  ] as const;

  test.each(spoiling)(
    "a table %s is taken out, said and marked, and the others continue",
    async (_, spoil, problem) => {
      await query(
        "drop table if exists spoilt; create table spoilt (id integer primary key, label text)",
      );
      await own("spoilt");
      const tables = createCapturedTables([...defaultTables, "spoilt"], []);
      const part = await capture.start({ tables });
      await part.observed("capture-reading");
      await query("insert into spoilt values (1, 'captured')");
      await capture.caughtUp();
      await query(spoil);
      expect(await part.observed("capture-table-refused")).toMatchObject({
        table: "spoilt",
        error: problem,
      });
      // Each of these would be refused by PostgreSQL, were the table still published.
      await query("insert into spoilt values (2, 'missing')");
      await query("update spoilt set label = 'changed'");
      await query("delete from spoilt where id = 1");
      await query("insert into agents (agent_id) values (gen_random_uuid()::text)");
      await capture.caughtUp();
      expect((await capture.log({ tables: ["spoilt"] })).at(-1)?.newValues).toContain("captured");
      expect((await capture.log()).at(-1)?.table).toBe("agents");
      await expectToldToOperators(problem);

      await query(
        "alter table spoilt drop constraint if exists spoilt_pkey; alter table spoilt add primary key (id), replica identity default",
      );
      await until("the table to be captured again", () => {
        const events = part.observations.map(({ event }) => event);
        return events.lastIndexOf("capture-table-added") > events.indexOf("capture-table-refused");
      });
      await query("update spoilt set label = 'captured again'");
      await capture.caughtUp();
      expect((await capture.log({ tables: ["spoilt"] })).at(-1)?.newValues).toContain("again");
      const marks = (await capture.marks())
        .filter(({ operation }) => operation === "gap")
        .slice(-2);
      expect(marks.map(({ newValues }) => JSON.parse(newValues ?? ""))).toMatchObject([
        { table: "spoilt", reason: `it can't be captured: ${problem}` },
        { table: "spoilt", reason: expect.stringContaining(problem), to: expect.any(String) },
      ]);
    },
  );

  test("what was written to a table before it became so, and was not read yet, lies within its gap", async () => {
    await query(
      "drop table if exists spoilt; create table spoilt (id integer primary key, label text)",
    );
    await own("spoilt");
    const tables = createCapturedTables([...defaultTables, "spoilt"], []);
    const before = await capture.start({ tables });
    await before.observed("capture-reading");
    await capture.caughtUp();
    await before.stop();
    const { rows } = await query("select pg_current_wal_insert_lsn()::text as lsn");
    await query("insert into spoilt values (1, 'unread')");
    await query("alter table spoilt drop constraint spoilt_pkey");
    const part = await capture.start({ tables });
    await part.observed("capture-table-refused");
    await query("insert into agents (agent_id) values (gen_random_uuid()::text)");
    await capture.caughtUp();
    const mark = (await capture.marks()).filter(({ operation }) => operation === "gap").at(-1);
    const { table, from } = JSON.parse(mark?.newValues ?? "{}");
    const log = await capture.log({ tables: ["spoilt"] });
    const isRecorded = log.some(({ newValues }) => newValues?.includes("unread"));
    const { rows: found } = await query(
      `select '${from}'::pg_lsn <= '${rows[0]?.lsn}'::pg_lsn as covered`,
    );
    expect({ table, ok: isRecorded || found[0]?.covered }).toEqual({ table: "spoilt", ok: true });
  });
});
