import { beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

/* Where changes are missing, the change log says from where to where: an empty gap would be none. */

const system = useSystem();
failOnLeaks(system);
const source = "00000000-0000-4000-8000-000000000001";
const query = (text: string) => system.central.pool.query(text);
const at = "2026-01-01T00:00:00Z";

async function marks(): Promise<Record<string, unknown>[]> {
  const { rows } = await query(
    `select operation, lsn::integer, committed_at, new_values as values
       from central.change_log where table_name = '*' order by lsn, ordinal`,
  );
  return rows;
}

const begin = (lsn: number, reason = "null") =>
  query(
    `select central.begin_capture('${source}', 's', 'slot', 'pgoutput', '1', 1, ${lsn}, '${at}', 'reader', ${reason})`,
  );

beforeEach(() => query("delete from central.change_log; delete from central.capture_cursors"));

test("a first capture begins where its slot was made, and there is no gap before it", async () => {
  await begin(16);
  expect(await marks()).toEqual([
    {
      operation: "begin",
      lsn: 16,
      committed_at: new Date(at),
      values: { to: "0/10", slot: "slot", plugin: "pgoutput", by: "reader" },
    },
  ]);
});

test("one that begins anew marks a gap from what was recorded last to its new slot", async () => {
  await begin(16);
  await query(`select central.advance_capture_cursor('${source}', 32, '${at}', 1, 'reader')`);
  await begin(256, "'the slot was lost'");
  const [, gap] = await marks();
  expect(gap).toMatchObject({
    operation: "gap",
    lsn: 256,
    values: { from: "0/20", to: "0/100", reason: "the slot was lost", by: "reader" },
  });
});

test("a gap of one table has both its ends, or is open where it has not ended", async () => {
  await begin(16);
  const gap = (from: string, to: number) =>
    query(
      `select central.mark_capture_gap('${source}', 'public.agents', ${from}, ${to}, '${at}', 'refused', 'reader')`,
    );
  await gap("null", 32);
  await gap("32", 64);
  const [, open, closed] = await marks();
  expect(open).toMatchObject({ operation: "gap", lsn: 32 });
  expect(open?.values).toEqual({
    table: "public.agents",
    from: "0/20",
    reason: "refused",
    by: "reader",
  });
  expect(closed).toMatchObject({
    lsn: 64,
    values: { table: "public.agents", from: "0/20", to: "0/40", reason: "refused" },
  });
});
