import { readCaptureStatus, recreateCapture } from "@centralcloud/cdc";
import type pg from "pg";
import { beforeEach, expect, test } from "vitest";
import { captureDefaults, dropSlots, pluginHere, useCapture } from "../support/capture.ts";
import { environmentOf } from "../support/command.ts";
import { whileInTransaction } from "../support/concurrently.ts";
import { useSystem } from "../support/databases.ts";
import { examine, problem } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/* A slot begins only when all transactions have ended that were open: meanwhile, each place says for whom it waits. */

const system = useSystem();
failOnLeaks(system);
const capture = useCapture(system, pluginHere);
const status = () => readCaptureStatus(system.singularity.pool, system.central.pool);

beforeEach(async () => {
  await dropSlots(system);
  await system.central.pool.query("delete from central.capture_cursors");
});

async function pidOf(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

test("the status, the doctor and the log say for whom a slot waits, and then that it is read", async () => {
  let pid = 0;
  await whileInTransaction(
    system.singularity.pool,
    async (client) => {
      pid = await pidOf(client);
      await client.query("insert into agents (agent_id) values ('open')");
    },
    async () => {
      const part = await capture.start();
      const waiting = await until("the slot to be waited for", async () => {
        const found = await status();
        // A transaction of a test beside this one may be waited for first.
        return found.waitsFor?.length === 1 && found.waitsFor[0]?.pid === pid ? found : undefined;
      });
      expect(waiting).toMatchObject({
        state: "waiting",
        waitsFor: [{ pid, application: "test-harness", seconds: expect.any(Number) }],
      });
      await until("it to be observed", () =>
        part.observations.some(
          (one) =>
            one.event === "capture-slot-waiting" &&
            one.waitsFor.includes(`the transaction of process ${pid} (test-harness`),
        ),
      );
      const shown = await runCommand(["cdc", "status"], environmentOf(system));
      expect(shown.stdout).toMatch(new RegExp(`waiting.*process ${pid}`));
      expect(await examine(system)).toContainEqual(
        problem(
          "warning",
          new RegExp(`nothing is captured yet: .* waits for the transaction of process ${pid}`),
          new RegExp(`pg_terminate_backend\\(${pid}\\)`),
        ),
      );
    },
  );
  await until("the slot to be read", async () => (await status()).state === "reading");
});

test("recreating says for whom it waits", async () => {
  let recreating: ReturnType<typeof recreateCapture> | undefined;
  let pid = 0;
  await whileInTransaction(
    system.singularity.pool,
    async (client) => {
      pid = await pidOf(client);
      await client.query("insert into agents (agent_id) values ('still open')");
    },
    async () => {
      const told: string[] = [];
      recreating = recreateCapture({
        ...captureDefaults,
        plugin: pluginHere,
        url: system.singularity.url,
        source: system.singularity.pool,
        central: system.central.pool,
        reason: "x",
        onWaiting: (blockers) => told.push(blockers),
      });
      // It may wait for a transaction of a test beside this one first.
      await until("it to be told", () =>
        told.some((one) => one.includes(`the transaction of process ${pid}`)),
      );
    },
  );
  expect(await recreating).toMatchObject({ plugin: pluginHere });
});
