import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Link } from "../../tools/chaos/proxy/link.ts";
import { dropSlots, prepareForCapture } from "../support/capture.ts";
import { environmentOf, type RunningCommand, startCommand } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

/*
 * A network that stops to pass bytes, on each kind of connection that a process has; then the process is asked to end.
 * Whatever waits for an answer then, it ends within its grace period and two seconds.
 */

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const graceS = 1;
let source: Link;
let central: Link;
let environment: Record<string, string>;
let command: RunningCommand | undefined;

beforeAll(async () => {
  await prepareForCapture(system);
  source = new Link(() => Number(new URL(system.singularity.url).port));
  central = new Link(() => Number(new URL(system.central.url).port));
  const through = async (url: string, link: Link) => {
    const changed = new URL(url);
    changed.hostname = "127.0.0.1";
    changed.port = String(await link.open());
    return changed.href;
  };
  environment = {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: await through(system.singularity.url, source),
    CENTRAL_DATABASE_URL: await through(system.central.url, central),
    CONSUMER_SHUTDOWN_GRACE_S: String(graceS),
  };
});

afterEach(async () => {
  command?.child.kill("SIGKILL");
  await command?.finished;
  for (const link of [source, central]) {
    link.change({ kind: "open" });
    link.cut();
  }
  await queuesOf(system).purge(queue);
});

afterAll(async () => {
  await Promise.all([source.close(), central.close()]);
  await dropSlots(system);
});

function hang(...links: readonly Link[]): void {
  for (const link of links) link.change({ kind: "silent" });
}

async function expectToEnd(running: RunningCommand, ms: number): Promise<void> {
  const startedAt = performance.now();
  running.child.kill("SIGTERM");
  await running.finished;
  const tookMs = performance.now() - startedAt;
  // The machine runs other tests, too: half a second is for that.
  expect(tookMs, running.output()).toBeLessThan(ms + 500);
}

async function startConsumer(more: Readonly<Record<string, string>> = {}) {
  command = startCommand(["consume"], { ...environment, ...more });
  const running = command;
  const port = await until("its port", () => /"detail":"port (\d+)/.exec(running.output())?.[1]);
  return { running, get: (path: string) => fetch(`http://127.0.0.1:${port}${path}`) };
}

const sides = {
  "its source": () => [source],
  "the central store": () => [central],
  "both of them": () => [source, central],
};

describe.each(Object.entries(sides))("where %s says nothing", (_, links) => {
  test("a consumer that is scraped and has messages to read ends in time", async () => {
    const { running, get } = await startConsumer();
    await until("it is ready", async () => (await get("/readyz")).ok);
    await until("it consumes", () => running.output().includes("part-started"));
    hang(...links());
    // It reads, merges, says that it lives, and is scraped, all without an answer.
    await queuesOf(system).sendBatch(
      queue,
      Array.from({ length: 100 }, () => patternMessage()),
    );
    await Promise.all(Array.from({ length: 10 }, () => get("/metrics").then((it) => it.text())));
    await expectToEnd(running, graceS * 1_000 + 2_000);
  });

  test("a consumer that only begins to connect ends in time", async () => {
    hang(...links());
    const { running, get } = await startConsumer({
      // More than may connect at a time.
      SOURCE_DATABASE_URLS: Array.from(
        { length: 20 },
        (_none, index) => `${environment.SOURCE_DATABASE_URLS}${index || ""}`,
      ).join(" "),
    });
    await get("/metrics").then((it) => it.text());
    await expectToEnd(running, graceS * 1_000 + 2_000);
  });

  test("a capture that reads changes ends in time", async () => {
    const { running } = await startConsumer({ CDC_ENABLED: "true" });
    await until("it captures", () => running.output().includes("capture-reading"));
    hang(...links());
    await system.singularity.pool.query(
      "insert into agents (agent_id) values ('hanging-' || gen_random_uuid())",
    );
    await expectToEnd(running, graceS * 1_000 + 2_000);
  });
});

describe("where its source says nothing", () => {
  test("a scheduler that leads ends in time", async () => {
    command = startCommand(["scheduler"], environment);
    const running = command;
    await until("it leads", () => running.output().includes("scheduler-leading"));
    hang(source);
    // It stops as a service does that was given no time of its own.
    await expectToEnd(running, 27_000);
  });

  test("cdc tail ends at once", async () => {
    command = startCommand(["cdc", "tail"], environment);
    const running = command;
    await until("it follows", () => running.errors().includes("following"));
    hang(source);
    await expectToEnd(running, 3_000);
  });
});
