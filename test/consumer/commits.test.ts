import { createPool, endPool } from "@centralcloud/db";
import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";

const system = useSystem();

test.each([
  [true, "off"],
  [false, "on"],
])(
  "a pool whose commits may be asynchronous (%s) has synchronous_commit %s in each of its sessions",
  async (asynchronousCommit, setting) => {
    const pool = createPool(system.singularity.url, {
      applicationName: "commits",
      max: 2,
      asynchronousCommit,
    });
    try {
      const show = async () =>
        (
          await pool.query<{ value: string }>(
            "select current_setting('synchronous_commit') as value",
          )
        ).rows[0]?.value;
      await pool.query("select pg_sleep(0)");
      // Two at once, so that there are two sessions.
      expect(await Promise.all([show(), show()])).toEqual([setting, setting]);
    } finally {
      await endPool(pool, 1_000);
    }
  },
);
