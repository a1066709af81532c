import { createCapturedTables } from "@centralcloud/cdc";
import { defaultAnswerBytes } from "@centralcloud/postgres";
import { beforeEach, describe, expect, test } from "vitest";
import { dropSlots, pluginsHere, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { watchMemory } from "../support/memory.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* What any login of a source may write, and what the capture keeps of it. */

const megabyte = 1024 * 1024;

describe.each(pluginsHere)("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);
  const query = (text: string) => system.singularity.pool.query(text);
  const tables = createCapturedTables(["agents", "pending_tasks"], []);

  beforeEach(async () => {
    await dropSlots(system);
    await system.central.pool.query(
      "delete from central.capture_cursors; delete from central.change_log",
    );
    await query("select end_publication(); truncate agents, pending_tasks");
  });

  const agent = (name: string, bytes: number) =>
    `insert into agents (agent_id, known_patterns) values ('${name}', jsonb_build_array(repeat('x', ${bytes})))`;
  const named =
    /^a change of agents at [0-9A-F]+\/[0-9A-F]+ can't be decoded: the row is too large: it has more than 16777216 bytes \(CDC_MAX_CHANGE_BYTES\); take agents out of CDC_TABLES/;

  test("a row of 200 MB is a fault of its source alone, and is never kept", async () => {
    const other = await createTestDatabase("source");
    await other.pool.query(`grant create on database "${other.name}" to centralcloud_owner`);
    try {
      const part = await capture.start({
        tables,
        sourceUrls: [system.singularity.url, other.url],
      });
      await until(
        "both sources to be read",
        () => part.observations.filter(({ event }) => event === "capture-reading").length === 2,
      );
      const memory = watchMemory();
      await query(agent("before", 10));
      await query(agent("long", 200_000_000));
      expect(await part.observed("capture-fault")).toMatchObject({
        side: "source",
        code: "undecodable_change",
        error: expect.stringMatching(named),
      });
      await other.pool.query(agent("elsewhere", 10));
      await until("the other source's change to be recorded", async () =>
        (await capture.log()).some(({ source }) => source === other.name),
      );
      // The server makes the row's text in a process of its own.
      expect(memory.stop()).toBeLessThan(150 * megabyte);
      const entries = (await capture.log()).filter(({ source }) => source !== other.name);
      expect(entries.map(({ newValues }) => JSON.parse(newValues ?? "").agent_id)).toEqual([
        "before",
      ]);
      await part.stop();
    } finally {
      await dropSlots({ ...system, singularity: other });
      await dropTestDatabase(other);
    }
  });

  test("how long a change may be is a setting, and the fault names it", async () => {
    const part = await capture.start({ tables, maxChangeBytes: 100_000 });
    await part.observed("capture-reading");
    await query(agent("short", 90_000));
    await query(agent("long", 110_000));
    expect(await part.observed("capture-fault")).toMatchObject({
      code: "undecodable_change",
      error: expect.stringMatching(/more than 100000 bytes \(CDC_MAX_CHANGE_BYTES\)/),
    });
    const recorded = async () =>
      (await capture.log()).map(({ newValues }) => JSON.parse(newValues ?? "").agent_id);
    expect(await recorded()).toEqual(["short"]);
    await part.stop();
    // Whoever wants it after all sets more.
    await capture.start({ tables, maxChangeBytes: 200_000 });
    await until("it to be recorded", async () => (await recorded()).includes("long"));
  });

  test.each(["65535", "67108865", "16 MB", "-1"])(
    "CDC_MAX_CHANGE_BYTES=%s is refused at the start",
    async (value) => {
      const environment = { ...environmentOf(system), CDC_MAX_CHANGE_BYTES: value };
      for (const words of [["cdc", "run"], ["cdc", "peek"], ["consume"]]) {
        const { exitCode, stderr } = await runCommand(words, environment);
        expect(exitCode).toBe(2);
        expect(stderr).toContain(
          "CDC_MAX_CHANGE_BYTES: must be a whole number from 65536 to 67108864",
        );
      }
    },
  );

  test("peek names such a change as the capture does", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await part.stop();
    await query(agent("long", 60_000_000));
    const environment = { ...environmentOf(system), CDC_TABLES: "agents" };
    const peeked = await runCommand(["cdc", "peek"], environment);
    expect(peeked).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/a change of agents at .* the row is too large/),
    });
  });

  test("all of a stream passes that is longer than an answer may be", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    const count = 100;
    await query(`insert into agents (agent_id, known_patterns)
      select i, jsonb_build_array(repeat(i::text, 800000 / length(i::text))) from generate_series(1, ${count}) i`);
    await query(agent("the longest but few", 15 * megabyte));
    await capture.caughtUp();
    const { rows } = await system.central.pool.query<{ entries: number; bytes: number }>(
      `select count(*)::integer as entries, sum(octet_length(new_values::text))::float8 as bytes
         from central.change_log where table_name <> '*'`,
    );
    expect(rows[0]?.entries).toBe(count + 1);
    expect(rows[0]?.bytes).toBeGreaterThan(5 * defaultAnswerBytes);
    expect(part.observations.filter(({ event }) => event === "capture-fault")).toEqual([]);
  }, 90_000);

  test("messages that anybody writes into the log are passed over, however long or many they are", async () => {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await system.central.pool.query(`
      create sequence central.advances;
      create function central.count_advance() returns trigger language plpgsql security definer as $$
      begin perform nextval('central.advances'); return new; end $$;
      create trigger counts before update on central.capture_cursors for each row execute function central.count_advance()`);
    try {
      await query("select pg_logical_emit_message(false, 'of test', repeat('x', 40000000))");
      await query("select pg_logical_emit_message(true, 'centralcloud.heartbeat', 'x')");
      await query("select pg_logical_emit_message(false, 'centralcloud.heartbeat', 'no time')");
      const startedAt = performance.now();
      await query(`select count(pg_logical_emit_message(false, 'centralcloud.heartbeat', '2026-01-01T00:00:00.000000Z'))
                     from generate_series(1, 20000)`);
      await query("insert into pending_tasks (agent_id) values ('after')");
      await capture.caughtUp();
      const seconds = (performance.now() - startedAt) / 1_000;
      expect((await capture.log()).map(({ table }) => table)).toEqual(["pending_tasks"]);
      const { rows } = await system.central.pool.query<{ advances: number }>(
        "select last_value::integer as advances from central.advances",
      );
      // Ten a second, and one for the change.
      expect(rows[0]?.advances).toBeLessThan(10 * seconds + 10);
      expect(part.observations.filter(({ event }) => event === "capture-fault")).toEqual([]);
    } finally {
      await system.central.pool.query(
        "drop trigger counts on central.capture_cursors; drop function central.count_advance(); drop sequence central.advances",
      );
    }
  });
});
