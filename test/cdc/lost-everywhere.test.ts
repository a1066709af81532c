import { readCaptureStatus } from "@centralcloud/cdc";
import { beforeEach, describe, expect, test } from "vitest";
import { dropSlots, nobodyReads, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { examine, problem } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";

/* A capture that is lost is lost in the log, in `cdc status` and in both findings of the doctor, with one reason. */

describe("with pgoutput", () => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, "pgoutput");
  const environment = () => ({ ...environmentOf(system), CDC_OUTPUT_PLUGIN: "pgoutput" });
  const query = (text: string) => system.singularity.pool.query(text);
  const status = () => readCaptureStatus(system.singularity.pool, system.central.pool);
  const insertAgent = (id: string) => query(`insert into agents (agent_id) values ('${id}')`);

  beforeEach(async () => {
    await dropSlots(system);
    await system.central.pool.query(
      "delete from central.capture_cursors; delete from central.change_log",
    );
    await query("delete from agents; select end_publication()");
    const part = await capture.start();
    await part.observed("capture-reading");
    await insertAgent("before");
    await capture.caughtUp();
    await part.stop();
    await nobodyReads(system);
  });

  /** The reason is the same wherever it is told, and each place names the command. */
  async function expectLostEverywhere(reason: RegExp): Promise<void> {
    const part = await capture.start();
    expect(await part.observed("capture-lost")).toMatchObject({
      why: expect.stringMatching(reason),
      remedy: expect.stringContaining("cdc recreate"),
    });
    await expectLostToOperators(reason);
    await part.stop();
    await nobodyReads(system);
    await expectLostToOperators(reason);
  }

  async function expectLostToOperators(reason: RegExp): Promise<void> {
    expect(await status()).toMatchObject({
      state: "lost",
      reason: expect.stringMatching(reason),
    });
    const shown = await runCommand(["cdc", "status"], environment());
    expect(shown.exitCode).toBe(1);
    expect(shown.stderr).toMatch(reason);
    expect(shown.stderr).toContain("centralcloud cdc recreate");
    const findings = (await examine(system)).filter(
      ({ check, severity }) =>
        // Another test file may be changing the server's limit, which is a warning here.
        (check === "capture-slot" || check === "change-log") && severity !== "warning",
    );
    expect(findings).toEqual([
      problem("error", reason, /cdc recreate/),
      problem("error", reason, /cdc recreate/),
    ]);
  }

  test("a publication that was dropped is not made anew: the capture is lost", async () => {
    await query("select end_publication()");
    await insertAgent("in the gap");
    await expectLostEverywhere(/publication .* was dropped, and the slot/);
    const { rows } = await query("select from pg_publication");
    expect(rows).toEqual([]);
    const recreated = await runCommand(["cdc", "recreate", "--reason", "x"], environment());
    expect(recreated.exitCode).toBe(0);
    expect((await status()).state).toBe("unread");
  });

  test("a publication that is dropped while its slot is read is lost, too", async () => {
    const part = await capture.start();
    await part.observed("capture-reading");
    await query("select end_publication()");
    await insertAgent("in the gap");
    await part.observed("capture-lost");
    await part.stop();
    await expectLostEverywhere(/publication .* was dropped/);
  });

  test("a publication that somebody dropped and made anew does not look well", async () => {
    await query("select end_publication()");
    await insertAgent("in the gap");
    await query("select publish_for_capture('{agents,learned_patterns}')");
    await expectLostEverywhere(/publication .* was dropped and made anew/);
  });

  test("a capture that began before publications were remembered is lost once the log says so", async () => {
    await query("select end_publication()");
    await insertAgent("in the gap");
    await query("select publish_for_capture('{agents,learned_patterns}')");
    await system.central.pool.query("update central.capture_cursors set publication_id = null");
    await expectLostEverywhere(/changes from when its publication was missing/);
  });

  test("a slot that is gone, as after a failover, is lost", async () => {
    await dropSlots(system);
    await expectLostEverywhere(/the slot .* is gone/);
  });

  test("a slot from which somebody else took changes is lost", async () => {
    await insertAgent("taken by somebody else");
    await query(
      `select pg_replication_slot_advance(slot_name, pg_current_wal_lsn())
         from pg_replication_slots where database = current_database()`,
    );
    await expectLostEverywhere(/gave what was committed from .* nobody recorded it/);
  });

  test("reconcile does not wait for a change log that is lost", async () => {
    await dropSlots(system);
    const { exitCode, stderr } = await runCommand(["reconcile"], environment());
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/the slot .* is gone; begin anew: centralcloud cdc recreate/);
  });
});
