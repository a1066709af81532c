import { createCapture } from "@centralcloud/cdc";
import { expect, test } from "vitest";
import { captureDefaults, useCapture } from "../support/capture.ts";
import { whileInTransaction } from "../support/concurrently.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const capture = useCapture(system);

const create = (changes = {}) =>
  createCapture(
    {
      ...captureDefaults,
      sourceUrls: [system.singularity.url],
      centralUrl: system.central.url,
      ...changes,
    },
    () => {},
  );

test("a capture that never started can be stopped, and not be started after", async () => {
  const part = create();
  await part.stop();
  await expect(part.start()).rejects.toMatchObject({ code: "part_stopped" });
});

test("a capture is stopped twice, and while it starts, and leaves nothing behind", async () => {
  for (let round = 0; round < 3; round += 1) {
    const part = create();
    const starting = part.start().catch(() => {});
    await Promise.all([part.stop(2_000), part.stop(2_000), starting]);
  }
});

test("a capture is stopped while its slot waits for somebody's transaction to end", async () => {
  await whileInTransaction(
    system.singularity.pool,
    (client) => client.query("insert into agents (agent_id) values ('open')"),
    async () => {
      const part = create();
      await part.start();
      await until("the slot to be waited for", async () => {
        const { rows } = await system.singularity.pool.query(
          `select from pg_stat_activity
            where datname = current_database() and query like 'CREATE_REPLICATION_SLOT%' and wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      const startedAt = performance.now();
      await part.stop(2_000);
      expect(performance.now() - startedAt).toBeLessThan(8_000);
    },
  );
});

test("a capture of databases that can't be reached starts, says so, and stops", async () => {
  const nowhere = "postgres://nobody@127.0.0.1:1/nothing";
  const part = await capture.start({ sourceUrls: [nowhere] });
  expect(await part.observed("capture-fault")).toMatchObject({
    side: "source",
    code: "ECONNREFUSED",
  });
});

test("a central store that can't be reached is told as the side that is down", async () => {
  const part = await capture.start({ centralUrl: "postgres://nobody@127.0.0.1:1/nothing" });
  expect(await part.observed("capture-fault")).toMatchObject({
    side: "central",
    code: "ECONNREFUSED",
  });
});
