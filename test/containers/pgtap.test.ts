import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";

const system = useSystem();

test("pgTAP finds the central store as it should be", async () => {
  const { pool } = system.central;
  await pool.query("create extension pgtap");
  const { rows } = await pool.query<{ line: string }>(`
    select plan(4) as line
    union all select has_schema('central')
    union all select has_pk('central', 'processed_messages', 'a message is in the ledger once')
    union all select has_function('central', 'merge_patterns', 'patterns can be merged')
    union all select col_not_null('central', 'patterns', 'fingerprint', 'a pattern has an identity')
    union all select * from finish()`);
  const lines = rows.map((row) => row.line);
  expect(lines[0]).toBe("1..4");
  expect(lines.slice(1).filter((line) => !line.startsWith("ok "))).toEqual([]);
  expect(lines).toHaveLength(5);
});
