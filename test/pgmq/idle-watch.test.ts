import { createQueueListener, PgmqClient, type QueueListener } from "@centralcloud/pgmq";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "watched";
const queues = () => new PgmqClient(system.singularity.pool);

beforeEach(() => queues().create(queue));
afterEach(() => system.singularity.pool.query("select pgmq.drop_queue($1)", [queue]));

async function startListener(): Promise<QueueListener> {
  const listener = createQueueListener({
    source: "test",
    createClient: () => new pg.Client({ connectionString: system.singularity.url }),
    observe: () => {},
  });
  await listener.start();
  await until("it listens", () => listener.connected);
  return listener;
}

test("who takes the watch over from another replica is told so", async () => {
  const [first, second] = await Promise.all([startListener(), startListener()]);
  expect(await first.watch(queue)).toBe("begun");
  expect(await first.watch(queue)).toBe("watching");
  expect(await second.watch(queue)).toBe("watching");
  first.unwatch(queue);
  // The lock is released by a statement that nobody waits for.
  await until("the second one begins", async () => (await second.watch(queue)) === "begun");
  expect(await second.watch(queue)).toBe("watching");
  await Promise.all([first.stop(), second.stop()]);
});
