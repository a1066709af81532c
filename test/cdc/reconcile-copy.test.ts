import { createCapture, reconcile } from "@centralcloud/cdc";
import { afterEach, expect, test } from "vitest";
import { captureDefaults, dropSlots, pluginHere, prepareForCapture } from "../support/capture.ts";
import { drainAll } from "../support/consumer.ts";
import type { TestDatabase } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { both, patterns, useCopies } from "../support/source-copies.ts";

const { system, environment, copy, renew } = useCopies();
failOnLeaks();

let clone: TestDatabase;
// Before the databases are dropped: a slot would keep its own.
afterEach(() => dropSlots({ ...system, singularity: clone }));

async function learn({ pool }: TestDatabase, agentId: string): Promise<void> {
  await pool.query(
    "insert into analysis_results (agent_id, result, confidence) values ($1, '{}', 0.9)",
    [agentId],
  );
  await pool.query("select * from learn_patterns_from_analysis()");
}

test("a copy with an id of its own misses nothing that its original has delivered, and names what it has lost itself", async () => {
  await learn(system.singularity, "of the original");
  await drainAll(system);
  await system.singularity.pool.query(
    `insert into learned_patterns (agent_id, pattern, confidence) values ('not sent before the copy', '{}', 0.9)`,
  );
  clone = await copy();
  await renew(clone);
  await prepareForCapture({ ...system, singularity: clone });
  // The snapshot has everything that was learned before the copy was made, too.
  const recreated = await runCommand(["cdc", "recreate", "--reason", "test"], environment(clone));
  expect(recreated.exitCode).toBe(0);
  const capture = createCapture(
    {
      sourceUrls: [clone.url],
      centralUrl: system.central.url,
      ...captureDefaults,
      plugin: pluginHere,
    },
    () => {},
  );
  await capture.start();
  try {
    await learn(clone, "of the copy");
    await drainAll(system, both(clone));
    const { missing, unlogged, checked } = await reconcile(clone.pool, system.central.pool);
    expect({ missing, unlogged }).toMatchObject({
      missing: [{ agentId: "not sent before the copy", where: "unsynced" }],
      unlogged: [],
    });
    expect(checked.patterns).toBe(3);
    await clone.pool.query("select sync_learning_to_centralcloud()");
    await clone.pool.query(`delete from pgmq."q_${patterns}"`);
    expect((await reconcile(clone.pool, system.central.pool)).missing).toMatchObject([
      { agentId: "not sent before the copy", where: "nowhere" },
    ]);
  } finally {
    await capture.stop(5_000);
  }
});
