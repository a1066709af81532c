import { createPool, endPool } from "@centralcloud/db";
import { expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";

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
