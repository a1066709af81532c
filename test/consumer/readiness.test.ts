import { type Consumer, createConsumer } from "@centralcloud/consumer";
import { afterEach, expect, test } from "vitest";
import { Link } from "../../tools/chaos/proxy/link.ts";
import { configurationFor, queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const queue = "centralcloud-new-patterns";
const system = useSystem();
failOnLeaks(system);

let consumer: Consumer | undefined;
const links: Link[] = [];

const others: TestDatabase[] = [];

afterEach(async () => {
  await consumer?.stop(500);
  for (const database of others.splice(0)) await dropTestDatabase(database);
  for (const link of links.splice(0)) await link.close();
});

/** A URL of the same database by a proxy, which can be made silent. */
async function behind(url: string): Promise<{ readonly url: string; readonly link: Link }> {
  const changed = new URL(url);
  const port = Number(changed.port);
  const link = new Link(() => port);
  links.push(link);
  changed.hostname = "127.0.0.1";
  changed.port = String(await link.open());
  return { url: changed.href, link };
}

async function start(
  urls: { readonly sourceUrls?: readonly string[]; readonly centralUrl?: string },
  observe: (observation: Observation) => void = () => {},
): Promise<Consumer> {
  consumer = createConsumer(configurationFor(system, urls), observe);
  await consumer.start();
  return consumer;
}

const away = "postgres://nobody@127.0.0.1:1/nothing";

test("one source of five that can't be reached costs no readiness, and is told", async () => {
  for (let count = 0; count < 3; count++) others.push(await createTestDatabase("source"));
  const sourceUrls = [system.singularity.url, ...others.map(({ url }) => url), away];
  const { health } = await start({ sourceUrls });
  await until("it is ready", () => health().ready);
  expect(health()).toMatchObject({ ready: true, working: false });
  expect(health().sources.filter(({ waitingFor }) => waitingFor !== undefined)).toEqual([
    { name: expect.any(String), waitingFor: expect.stringMatching(/ECONNREFUSED/), lanes: [] },
  ]);
});

test("a source that refuses the login costs no readiness", async () => {
  const refused = system.singularity.url.replace(/\/[^/]*$/, "/no_such_database");
  const { health } = await start({ sourceUrls: [system.singularity.url, refused] });
  await until("it is ready", () => health().ready);
  expect(health().sources[1]?.waitingFor).toContain("no_such_database");
});

test("a source that says nothing delays readiness by ten seconds at most", async () => {
  const silent = await behind(system.singularity.url);
  silent.link.change({ kind: "silent" });
  const startedAt = performance.now();
  const { health } = await start({ sourceUrls: [system.singularity.url, silent.url] });
  expect(health().ready).toBe(false);
  await until("it is ready", () => health().ready, 20_000);
  expect(performance.now() - startedAt).toBeLessThan(13_000);
});

test("one queue that a source does not let it read costs no readiness, and is told", async () => {
  const { health } = await start({});
  await until("all is consumed", () => health().working);
  await system.singularity.pool.query(`alter table pgmq."q_${queue}" rename to q_elsewhere`);
  try {
    const faulty = await until("the lane meets the fault", () => {
      for (const lane of consumer?.lanes ?? []) lane.wake();
      return health().sources[0]?.lanes.find(({ fault }) => fault !== undefined);
    });
    expect(faulty).toMatchObject({ queue, fault: { side: "source" } });
    expect(health()).toMatchObject({ ready: true, working: false });
  } finally {
    await system.singularity.pool.query(`alter table pgmq.q_elsewhere rename to "q_${queue}"`);
  }
  await until("all is consumed again", () => health().working);
});

test("without the central store no replica is ready, neither at its start nor later", async () => {
  const central = await behind(system.central.url);
  central.link.change({ kind: "silent" });
  const { health } = await start({ centralUrl: central.url });
  await until("it has tried", () => health().central?.error.includes("timeout"), 15_000);
  expect(health()).toMatchObject({ ready: false, working: false });
  central.link.change({ kind: "open" });
  await until("it is ready", () => health().ready, 15_000);
  central.link.change({ kind: "silent" });
  await until("it is not ready any more", () => !health().ready, 15_000);
  expect(health().central?.error).toEqual(expect.any(String));
});

test("a lane that waits after a crash keeps its replica from being ready until it continues", async () => {
  let crashes = 0;
  const { health } = await start({}, ({ event }) => {
    if (event === "batch-read" && crashes++ === 0) throw new TypeError("a mistake");
  });
  await until("all is consumed", () => health().working);
  await queuesOf(system).send(queue, patternMessage());
  await until("it has crashed", () => crashes > 0);
  await until("it says so", () => !health().ready);
  await until("it is ready again", () => health().ready);
  expect(health().sources[0]?.lanes).toContainEqual({ queue, crashes: 1 });
});
