import { readCaptureStatus } from "@centralcloud/cdc";
import { beforeEach, describe, expect, test } from "vitest";
import { dropSlots, nobodyReads, pluginHere, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

describe.each([pluginHere])("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);
  const environment = () => ({ ...environmentOf(system), CDC_OUTPUT_PLUGIN: plugin });
  const recreate = (...words: string[]) => runCommand(["cdc", "recreate", ...words], environment());
  const insertAgent = (id: string) =>
    system.singularity.pool.query("insert into agents (agent_id) values ($1)", [id]);
  const status = () => readCaptureStatus(system.singularity.pool, system.central.pool);

  beforeEach(async () => {
    // Whatever the test before has left: begin anew.
    await dropSlots(system);
    await system.central.pool.query(
      "delete from central.capture_cursors; delete from central.change_log",
    );
    await system.singularity.pool.query(
      "delete from agents; delete from agent_sessions; select end_publication()",
    );
    const part = await capture.start();
    await part.observed("capture-reading");
    await insertAgent("before");
    await capture.caughtUp();
    await part.stop();
  });

  test("a slot that is gone is told loudly, and not made anew by itself", async () => {
    await dropSlots(system);
    await insertAgent("in the gap");
    expect((await status()).state).toBe("lost");
    const part = await capture.start();
    expect(await part.observed("capture-lost")).toMatchObject({
      why: expect.stringContaining("is gone"),
    });
    expect((await status()).state).toBe("lost");
    const shown = await runCommand(["cdc", "status"], environment());
    expect(shown.exitCode).toBe(1);
    expect(shown.stderr).toContain("centralcloud cdc recreate");
  });

  test("recreating marks the gap, takes a snapshot, and lets a waiting reader continue", async () => {
    await dropSlots(system);
    await insertAgent("in the gap");
    await system.singularity.pool.query(
      `insert into agent_sessions (agent_id, state) values ('before', '{"secret": "in the gap"}')`,
    );
    const part = await capture.start();
    await part.observed("capture-lost");
    const { exitCode, stdout } = await recreate("--reason", "the slot was dropped by mistake");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ plugin, rows: 3 });
    await part.observed("capture-reading");
    await insertAgent("after");
    await capture.caughtUp();

    const [begin, gap, ...more] = await capture.marks();
    expect(more).toEqual([]);
    expect(begin?.operation).toBe("begin");
    expect(gap?.operation).toBe("gap");
    expect(JSON.parse(gap?.newValues ?? "")).toMatchObject({
      from: expect.stringMatching(/^0\//),
      to: gap?.lsn,
      reason: "the slot was dropped by mistake",
    });
    const log = await capture.log();
    expect(
      log.map(({ table, operation, key }) => [
        table,
        operation,
        Object.values(JSON.parse(key ?? "{}"))[0],
      ]),
    ).toEqual([
      ["agents", "insert", "before"],
      ["agent_sessions", "snapshot", expect.any(String)],
      ["agents", "snapshot", "before"],
      ["agents", "snapshot", "in the gap"],
      ["agents", "insert", "after"],
    ]);
    const shape = (place: number) => Object.keys(JSON.parse(log[place]?.newValues ?? ""));
    expect(shape(2)).toEqual(shape(0));
    expect(JSON.stringify(log)).not.toContain("secret");
    expect((await status()).state).toBe("reading");
  });

  test("a slot from which somebody else took changes counts as lost", async () => {
    await insertAgent("taken by somebody else");
    await nobodyReads(system);
    const { rows } = await system.singularity.pool.query(
      `select pg_replication_slot_advance(slot_name, pg_current_wal_lsn())
         from pg_replication_slots where database = current_database()`,
    );
    expect(rows).toHaveLength(1);
    const part = await capture.start();
    expect(await part.observed("capture-lost")).toMatchObject({
      why: expect.stringMatching(/gave what was committed from .* nobody recorded it/),
    });
    expect((await status()).state).toBe("lost");
  });

  test("a slot that is being read is neither recreated nor dropped", async () => {
    const part = await capture.start();
    await part.observed("capture-reading");
    for (const command of ["recreate", "drop"]) {
      const { exitCode, stderr } = await runCommand(
        ["cdc", command, "--reason", "x"],
        environment(),
      );
      expect(exitCode).toBe(1);
      expect(stderr).toContain("is read by another process; stop the capture first");
    }
    await insertAgent("still captured");
    await capture.caughtUp();
    expect((await capture.log()).at(-1)?.key).toBe('{"agent_id": "still captured"}');
  });

  test("recreating asks for a reason", async () => {
    const { exitCode, stderr } = await recreate();
    expect(exitCode).toBe(2);
    expect(stderr).toContain("--reason");
  });

  test("a recreation that fails leaves the capture as lost as before, and no slot", async () => {
    await dropSlots(system);
    await system.central.pool.query(
      `alter table central.change_log add constraint refuses check (operation <> 'snapshot') not valid`,
    );
    try {
      expect((await recreate("--reason", "x")).exitCode).toBe(1);
    } finally {
      await system.central.pool.query("alter table central.change_log drop constraint refuses");
    }
    expect(await status()).toMatchObject({ state: "lost" });
    await until("no slot to be left", async () => {
      const { rows } = await system.singularity.pool.query(
        "select from pg_replication_slots where database = current_database()",
      );
      return rows.length === 0;
    });
    expect((await capture.marks()).map(({ operation }) => operation)).toEqual(["begin"]);
  });
});
