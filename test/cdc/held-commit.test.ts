import { createCapturedTables } from "@centralcloud/cdc";
import { beforeAll, describe, expect, test } from "vitest";
import { pluginHere, useCapture } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createSteps } from "../support/numbered-steps.ts";
import { until } from "../support/until.ts";

const tables = createCapturedTables(["steps"], []);
/** More than go to the central store at once, so that they come in several parts of one transaction. */
const large = 2_500;

describe.each([pluginHere])("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);

  beforeAll(async () => {
    await createSteps(system.singularity.pool);
    await system.central.pool.query(`
      create table public.gate (id integer primary key);
      insert into public.gate values (1);
      create function public.pass_gate() returns trigger language plpgsql security definer as $$
      begin
        perform from public.gate for share;
        return null;
      end $$;
      create constraint trigger pass_gate after insert on central.change_log
        deferrable initially deferred for each row
        when (new.table_name = 'steps') execute function public.pass_gate()`);
  });

  /** How far the source may forget. */
  async function confirmed(): Promise<bigint> {
    const { rows } = await system.singularity.pool.query<{ lsn: string }>(
      `select (confirmed_flush_lsn - '0/0')::text as lsn from pg_replication_slots
        where database = current_database()`,
    );
    return BigInt(rows[0]?.lsn ?? 0);
  }

  test.each([
    ["large", large],
    ["small", 3],
  ])(
    "while the commit of a %s transaction hangs, the source is told nothing of it",
    async (_, count) => {
      const { singularity, central } = system;
      const part = await capture.start({ tables });
      await part.observed("capture-reading");
      const holder = await central.pool.connect();
      await holder.query("begin; select from public.gate for update");
      try {
        await singularity.pool.query(
          `insert into steps select $1::integer * 10 + g, 0 from generate_series(1, $1::integer) g`,
          [count],
        );
        const { rows } = await singularity.pool.query<{ lsn: string }>(
          `select (pg_current_wal_insert_lsn() - '0/0')::text as lsn`,
        );
        const committedAt = BigInt(rows[0]?.lsn ?? 0);
        const pid = await until("the commit to hang", async () => {
          const { rows: found } = await central.pool.query<{ pid: number }>(
            `select pid from pg_stat_activity where datname = current_database()
              and application_name = 'centralcloud-cdc' and pg_blocking_pids(pid) <> '{}'`,
          );
          return found[0]?.pid;
        });
        const recorded = part.observations.filter(({ event }) => event === "changes-recorded");
        expect(recorded).toEqual([]);
        expect(await confirmed()).toBeLessThan(committedAt);
        // Now it never comes to be.
        await central.pool.query("select pg_terminate_backend($1, 5000)", [pid]);
        expect(await confirmed()).toBeLessThan(committedAt);
      } finally {
        await holder.query("rollback");
        holder.release();
      }
      await capture.caughtUp();
      const { rows: found } = await central.pool.query<{ count: number }>(
        `select count(*)::integer as count from central.change_log
        where table_name = 'steps' and (key ->> 'id')::integer between $1 * 10 + 1 and $1 * 11`,
        [count],
      );
      expect(found[0]?.count).toBe(count);
    },
  );
});
