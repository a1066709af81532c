import { describe, expect, test } from "vitest";
import { useCapture } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { examine, problem } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

describe("the doctor", () => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, "pgoutput");
  const query = (text: string) => system.singularity.pool.query(text);

  async function ofSlots() {
    const findings = await examine(system);
    return findings.filter(({ check }) => check === "capture-slot" || check === "change-log");
  }

  const fine = (message: RegExp) =>
    expect.objectContaining({ severity: "ok", message: expect.stringMatching(message) });

  test("finds nothing where nothing is captured", async () => {
    expect(await ofSlots()).toEqual([fine(/there is no slot/), fine(/no source is captured/)]);
  });

  test("is content with a slot that is read", async () => {
    const part = await capture.start();
    await part.observed("capture-reading");
    expect(await ofSlots()).toEqual([
      fine(/is read \(pgoutput\), .* behind; .* are kept/),
      fine(/is captured; its change log is complete up to \d+ s ago/),
    ]);
  });

  test("warns of a slot that nobody reads, and of its silent reader", async () => {
    await system.central.pool.query(
      "update central.capture_cursors set seen_at = now() - interval '1 hour'",
    );
    expect(await ofSlots()).toEqual([
      problem("warning", /nobody reads the slot/, /CDC_ENABLED=true.*cdc drop/),
      problem("warning", /nobody has captured .* for 60 min/, /cdc status/),
    ]);
  });

  test("advises no end of a capture that only waits for the central store", async () => {
    const centralUrl = "postgres://127.0.0.1:1/gone";
    const findings = await examine(system, { centralUrl });
    expect(findings.filter(({ check }) => check === "capture-slot")).toEqual([
      problem("warning", /nobody reads the slot/, /^bring the central store back first/),
    ]);
    expect(JSON.stringify(findings)).not.toContain("cdc drop");
  });

  test("names a table whose updates fail because of how it is captured", async () => {
    await query("alter table agent_sessions replica identity full");
    const findings = await ofSlots();
    await query("alter table agent_sessions replica identity default");
    expect(findings).toContainEqual(
      problem("error", /updates of public.agent_sessions fail/, /replica identity default/),
    );
  });

  test("warns where nothing limits what a slot keeps", async () => {
    const warns = problem("warning", /max_slot_wal_keep_size is -1/, /max_slot_wal_keep_size/);
    expect(await ofSlots()).not.toContainEqual(warns);
    await query("alter system set max_slot_wal_keep_size = -1");
    try {
      await query("select pg_reload_conf()");
      await until("the warning", async () =>
        (await ofSlots()).some((finding) => warns.asymmetricMatch(finding)),
      );
    } finally {
      await query("alter system reset max_slot_wal_keep_size");
      await query("select pg_reload_conf()");
    }
  });

  test("names a publication that is missing, and that its capture is lost", async () => {
    await query("select end_publication()");
    expect(await ofSlots()).toContainEqual(
      problem("error", /publication .* was dropped/, /cdc recreate/),
    );
  });
});
