import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);

test("a change comes out of a logical slot as JSON, its numbers exact", async () => {
  const { pool, name } = system.singularity;
  await pool.query("create table exact (id integer primary key, value numeric)");
  const slot = `slot_of_${name}`;
  await pool.query("select pg_create_logical_replication_slot($1, 'wal2json')", [slot]);
  try {
    await pool.query("insert into exact values (1, 12345678901234567890.10)");
    const { rows } = await pool.query<{ data: string }>(
      `select data from pg_logical_slot_get_changes($1, null, null,
                'format-version', '2', 'add-tables', 'public.exact')
        where data::json->>'action' = 'I'`,
      [slot],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.data).toContain('"value":12345678901234567890.10');
  } finally {
    // A slot would keep its database from being dropped.
    await pool.query("select pg_drop_replication_slot($1)", [slot]);
  }
});
