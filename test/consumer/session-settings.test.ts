import { createPool, endPool } from "@centralcloud/postgres";
import { expect, test } from "vitest";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();

test("a pool's settings are those of each of its sessions, and of no other pool's", async () => {
  const { url } = system.singularity;
  const configured = createPool(url, {
    applicationName: "configured",
    max: 2,
    sessionSettings: { synchronous_commit: "off", enable_seqscan: "off" },
  });
  const plain = createPool(url, { applicationName: "plain", max: 1 });
  const show = async (pool: typeof plain) => {
    const { rows } = await pool.query<{ commit: string; scan: string }>(
      "select current_setting('synchronous_commit') as commit, current_setting('enable_seqscan') as scan",
    );
    return rows[0];
  };
  try {
    // Two at once, so that there are two sessions.
    const both = await Promise.all([show(configured), show(configured)]);
    expect(both).toEqual(Array(2).fill({ commit: "off", scan: "off" }));
    expect(await show(plain)).toEqual({ commit: "on", scan: "on" });
  } finally {
    await Promise.all([endPool(configured, 1_000), endPool(plain, 1_000)]);
  }
});

test("a setting that the server does not have is an error of whoever asks for a connection", async () => {
  const pool = createPool(system.singularity.url, {
    applicationName: "misconfigured",
    max: 1,
    sessionSettings: { no_such_setting: "on" },
  });
  try {
    await expect(pool.query("select 1")).rejects.toThrow(/no_such_setting/);
  } finally {
    await endPool(pool, 1_000);
  }
});

test("both servers give up what a consumer waits for no longer", async () => {
  const tables = [
    { pool: system.singularity.pool, table: `pgmq."q_centralcloud-new-patterns"` },
    { pool: system.central.pool, table: "central.patterns" },
  ];
  for (const { pool, table } of tables) {
    await pool.query(`
      create table public.limits_of_test (statement_timeout text);
      create function public.note_limit_of_test() returns trigger language plpgsql security definer as $$
      begin
        insert into public.limits_of_test values (current_setting('statement_timeout'));
        return null;
      end $$;
      create trigger limits_of_test after insert or update on ${table}
        for each statement execute function public.note_limit_of_test()`);
  }
  await queuesOf(system).send("centralcloud-new-patterns", patternMessage());
  for (const { pool } of tables) await pool.query("truncate public.limits_of_test");
  await drainAll(system);
  for (const { pool, table } of tables) {
    const { rows } = await pool.query(
      "select distinct statement_timeout from public.limits_of_test",
    );
    expect(rows, table).toEqual([{ statement_timeout: "29s" }]);
    await pool.query(
      "drop table public.limits_of_test; drop function public.note_limit_of_test cascade",
    );
  }
});
