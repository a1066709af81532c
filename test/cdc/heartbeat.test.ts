import { describe, expect, test, vi } from "vitest";
import { pluginHere, useCapture } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 60_000 });

describe.each([pluginHere])("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);

  test("a slot whose tables are quiet beside busy ones advances nevertheless", async () => {
    const { pool } = system.singularity;
    await pool.query("create table busy (id integer, filling text)");
    const part = await capture.start();
    await part.observed("capture-progress");
    const { rows } = await pool.query<{ lsn: string }>("select pg_current_wal_lsn()::text as lsn");
    await pool.query(
      "insert into busy select g, repeat('x', 500) from generate_series(1, 20000) g",
    );
    const { rows: busy } = await pool.query<{ lsn: string }>(
      "select pg_current_wal_lsn()::text as lsn",
    );
    await until(
      "the slot to have passed what was written",
      async () => {
        const { rows: slots } = await pool.query<{ passed: boolean }>(
          `select confirmed_flush_lsn >= $1 as passed from pg_replication_slots
            where database = current_database()`,
          [busy[0]?.lsn],
        );
        return slots[0]?.passed;
      },
      30_000,
    );
    const progress = await until("the progress to be told", () =>
      part.observations.findLast((one) => one.event === "capture-progress"),
    );
    expect(progress).toMatchObject({ walStatus: "reserved" });
    expect(rows[0]?.lsn).not.toBe(busy[0]?.lsn);
    const { rows: logged } = await system.central.pool.query(
      `select count(*) filter (where table_name <> '*')::integer as changes,
              (select now() - max(c.source_time) < interval '15 seconds' from central.capture_cursors c) as recent
         from central.change_log`,
    );
    expect(logged).toEqual([{ changes: 0, recent: true }]);
  });
});
