import { afterEach, beforeEach, expect, test } from "vitest";
import { environmentOf, type RunningCommand, startCommand } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
let unlock = async () => {};

beforeEach(async () => {
  const client = await system.central.pool.connect();
  await client.query("begin; lock table central.processed_messages in exclusive mode");
  unlock = async () => {
    await client.query("rollback");
    client.release();
  };
});
afterEach(() => unlock());

/** A consumer whose merge waits for a lock. */
async function startBlocked(graceS: number): Promise<RunningCommand> {
  await queuesOf(system).send(queue, patternMessage());
  const command = startCommand(["consume"], {
    ...environmentOf(system),
    CONSUMER_SHUTDOWN_GRACE_S: String(graceS),
  });
  await until("its merge waits", async () => {
    const { rows } = await system.central.pool.query(
      `select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
          and application_name = 'centralcloud-consumer'`,
    );
    return rows.length > 0;
  });
  return command;
}

test("SIGTERM lets what is in flight finish within the grace period, and exits 0", async () => {
  const { child, output, finished } = await startBlocked(25);
  child.kill("SIGTERM");
  await until("it stops", () => output().includes("stop-requested"));
  await unlock();
  unlock = async () => {};
  const { exitCode, stderr } = await finished;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(await queuesOf(system).isEmpty(queue)).toBe(true);
});

test("after the grace period it releases what is in flight, and exits 0", async () => {
  const { child, finished } = await startBlocked(0);
  child.kill("SIGTERM");
  expect((await finished).exitCode).toBe(0);
  expect(await queuesOf(system).metrics(queue)).toMatchObject({ total: 1, inFlight: 0 });
  const { rows } = await system.singularity.pool.query(`select read_ct from pgmq."q_${queue}"`);
  expect(rows).toEqual([{ read_ct: 0 }]);
  await queuesOf(system).purge(queue);
});

test("a second signal ends it at once", async () => {
  const { child, output, finished } = await startBlocked(60);
  child.kill("SIGTERM");
  await until("it stops", () => output().includes("stop-requested"));
  const again = setInterval(() => child.kill("SIGTERM"), 100);
  const { exitCode } = await finished.finally(() => clearInterval(again));
  expect(exitCode).toBe(1);
  await queuesOf(system).purge(queue);
});
