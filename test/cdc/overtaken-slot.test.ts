import { createCapturedTables, readCaptureStatus } from "@centralcloud/cdc";
import { beforeAll, expect, test, vi } from "vitest";
import { useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { createSteps } from "../support/numbered-steps.ts";
import { useRestartableSystem } from "../support/restartable-system.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000 });

/* On servers of its own: how much of the log is kept for a slot is a setting of the whole server. */

const system = useRestartableSystem();
const capture = useCapture(system);
const tables = createCapturedTables(["steps"], []);

beforeAll(async () => {
  await createSteps(system.singularity.pool);
});

test("a slot that fell too far behind is told loudly; recreating it takes a snapshot and marks the gap", async () => {
  const { pool } = system.singularity;
  const query = (text: string) => pool.query(text);
  const first = await capture.start({ tables });
  await first.observed("capture-reading");
  await query("insert into steps values (1, 0)");
  await capture.caughtUp();
  await first.stop();
  await query("alter system set max_slot_wal_keep_size = '1MB'");
  await query("select pg_reload_conf()");
  await until("the slot to be lost", async () => {
    await query("insert into steps select max(id) + 1, 0 from steps");
    await query("select pg_switch_wal()");
    await query("checkpoint");
    const { rows } = await query("select wal_status from pg_replication_slots");
    return rows[0]?.wal_status === "lost";
  });
  const status = () => readCaptureStatus(pool, system.central.pool);
  expect(await status()).toMatchObject({ state: "lost", walStatus: "lost" });
  const part = await capture.start({ tables });
  expect(await part.observed("capture-lost")).toMatchObject({
    why: expect.stringMatching(/is lost.*max_slot_wal_keep_size/),
  });
  const environment = { ...environmentOf(system), CDC_TABLES: "steps" };
  const shown = await runCommand(["cdc", "status"], environment);
  expect(shown).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("cdc recreate") });

  const { rows } = await query("select count(*)::integer as count from steps");
  const words = ["cdc", "recreate", "--reason", "it fell behind"];
  const { exitCode, stdout } = await runCommand(words, environment);
  expect({ exitCode, rows: JSON.parse(stdout).rows }).toEqual({ exitCode: 0, rows: rows[0].count });
  await until("the capture to continue", async () => (await status()).state === "reading");
  await query("insert into steps select max(id) + 1, 0 from steps");
  await capture.caughtUp();
  expect((await capture.marks()).at(-1)).toMatchObject({ operation: "gap" });
  const log = await capture.log();
  expect(log.at(-1)?.operation).toBe("insert");
  expect(log.filter(({ operation }) => operation === "snapshot")).toHaveLength(rows[0].count);
});
