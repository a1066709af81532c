import { createCapturedTables } from "@centralcloud/cdc";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { nobodyReads, pluginHere, useCapture } from "../support/capture.ts";
import { type TestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import {
  clearSteps,
  createSteps,
  expectEveryStepOnce,
  writeSteps,
} from "../support/numbered-steps.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

// Each interruption costs a reader seconds, and a busy machine more.
vi.setConfig({ testTimeout: 120_000 });

const tables = createCapturedTables(["steps"], []);

describe.each([pluginHere])("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);

  beforeAll(async () => {
    await createSteps(system.singularity.pool);
    // What is written from now on is captured, whenever the tests start to read it.
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await part.stop();
  });
  beforeEach(() => clearSteps(system.singularity.pool));

  /** Ends the connections of the capture to a database, all or those that are in this state. */
  async function cut(database: TestDatabase, state = "true"): Promise<number> {
    const { rowCount } = await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and application_name = 'centralcloud-cdc' and ${state}`,
      [database.name],
    );
    return rowCount ?? 0;
  }

  /** Runs a capture under load, does something to it so many times, and looks whether all came once. */
  async function survive(times: number, interrupt: () => Promise<void>): Promise<void> {
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    const workload = writeSteps(system.singularity.pool);
    const recorded = () => part.observations.filter(isRecorded).length;
    try {
      for (let round = 0; round < times; round += 1) {
        const before = recorded();
        await until("changes to be recorded", () => recorded() > before);
        await interrupt();
      }
    } finally {
      await workload.stop();
    }
    await capture.caughtUp();
    await expectEveryStepOnce(system);
  }

  const isRecorded = ({ event }: Observation) => event === "changes-recorded";

  test("the connection to the source breaks, again and again", async () => {
    await survive(3, async () => void (await cut(system.singularity)));
  });

  test("the connections to the central store break, again and again", async () => {
    await survive(3, async () => void (await cut(system.central)));
  });

  test("the central store breaks in the middle of a large transaction", async () => {
    await survive(3, async () => {
      await until("a large transaction to be under way", () =>
        cut(system.central, "backend_xid is not null and query_start > xact_start"),
      );
    });
  });

  test("the source breaks in the middle of a large transaction", async () => {
    await survive(3, async () => {
      await until("a large transaction to be under way", async () => {
        const { rows } = await system.central.pool.query<{ open: number }>(
          `select count(*)::integer as open from pg_stat_activity
            where datname = $1 and application_name = 'centralcloud-cdc' and backend_xid is not null`,
          [system.central.name],
        );
        return rows[0]?.open;
      });
      await cut(system.singularity);
    });
  });

  test("what was recorded and is given again is entered once", async () => {
    await system.singularity.pool.query(
      "insert into steps select g, 0 from generate_series(1, 10) g",
    );
    const { rows } = await system.singularity.pool.query<{ slot: string; lsn: string }>(
      `select slot_name as slot, confirmed_flush_lsn - '0/0' as lsn
         from pg_replication_slots where database = current_database()`,
    );
    const copy = "slot_from_before";
    await system.singularity.pool.query("select pg_copy_logical_replication_slot($1, $2)", [
      rows[0]?.slot,
      copy,
    ]);
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await capture.caughtUp();
    await part.stop();
    await nobodyReads(system);
    // As after a crash between the commit in the central store and the slot's: the slot is behind.
    await system.singularity.pool.query("select pg_drop_replication_slot($1)", [rows[0]?.slot]);
    await system.singularity.pool.query("select pg_copy_logical_replication_slot($1, $2)", [
      copy,
      rows[0]?.slot,
    ]);
    await system.singularity.pool.query("select pg_drop_replication_slot($1)", [copy]);
    // Once as it is, and once as after a failover, where LSNs decide nothing.
    for (const timeline of [0, 1]) {
      await system.central.pool.query(
        "update central.capture_cursors set timeline = timeline - $1",
        [timeline],
      );
      const again = await capture.start({ tables });
      await again.observed("capture-reading");
      await capture.caughtUp();
      await again.stop();
      expect(await expectEveryStepOnce(system)).toBe(10);
    }
  });

  test("a capture that is stopped and started continues where it stopped", async () => {
    const workload = writeSteps(system.singularity.pool, 20);
    for (let round = 0; round < 3; round += 1) {
      const part = await capture.start({ tables });
      await part.observed("changes-recorded");
      await part.stop();
    }
    await workload.stop();
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await capture.caughtUp();
    await expectEveryStepOnce(system);
  });
});
