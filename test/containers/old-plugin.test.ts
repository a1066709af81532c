import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dropSlots, nobodyReads, useCapture } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/*
 * A wal2json that does not know what it is asked for: the function that tries it is replaced, in this database
 * alone, by one that refuses as an old wal2json does.
 */

describe("with a wal2json that is too old", () => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, "auto");
  const query = (text: string) => system.singularity.pool.query(text);

  beforeAll(() =>
    query(`
      set allow_system_table_mods = on;
      alter function pg_catalog.pg_logical_slot_peek_changes rename to pg_logical_slot_really_peek_changes;
      create function pg_catalog.pg_logical_slot_peek_changes(
        slot_name name, upto_lsn pg_lsn, upto_nchanges integer, variadic options text[] default '{}',
        out lsn pg_lsn, out xid xid, out data text
      ) returns setof record language plpgsql as $$
      begin
        raise exception 'option "numeric-data-types-as-string" = "on" is unknown' using errcode = '22023';
      end $$;
      reset allow_system_table_mods`),
  );
  beforeEach(async () => {
    await dropSlots(system);
    await system.central.pool.query("delete from central.capture_cursors");
  });

  async function slots(): Promise<readonly string[]> {
    const { rows } = await query(
      "select plugin from pg_replication_slots where database = current_database()",
    );
    return rows.map(({ plugin }) => plugin);
  }

  test("auto falls back, says why, leaves no other slot behind, and the doctor says what is used", async () => {
    const part = await capture.start();
    expect(await part.observed("capture-slot-created")).toMatchObject({
      plugin: "pgoutput",
      fallback: expect.stringMatching(/^wal2json is too old: .*numeric-data-types-as-string/),
    });
    await part.observed("capture-reading");
    expect(await slots()).toEqual(["pgoutput"]);
    const findings = await examine(system);
    expect(findings.filter(({ check }) => check === "capture").at(-1)).toMatchObject({
      severity: "ok",
      message: expect.stringMatching(/^the slot .* uses pgoutput$/),
    });
  });

  test("a slot that an attempt left behind is dropped, and another one made", async () => {
    await query(
      "select pg_create_logical_replication_slot('singularity_centralcloud_cdc_' || current_database(), 'wal2json')",
    );
    const part = await capture.start();
    await part.observed("capture-reading");
    expect(await slots()).toEqual(["pgoutput"]);
  });

  test("where wal2json was asked for, that is refused in words, and no slot is left", async () => {
    const part = await capture.start({ plugin: "wal2json" });
    const { code, error } = await part.observed("capture-fault");
    expect({ code, error }).toEqual({
      code: "plugin_too_old",
      error: expect.stringMatching(/^wal2json is too old .*CDC_OUTPUT_PLUGIN=pgoutput/),
    });
    await part.stop();
    await nobodyReads(system);
    await until("no slot to be left", async () => (await slots()).length === 0);
  });
});
