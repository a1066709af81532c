import { expect, test } from "vitest";
import { useConsole } from "../support/console.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, patterns } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);

test("the queues show what waits at each source, and the command that shows the same", async () => {
  await queuesOf(system).send(patterns, patternMessage());
  const browser = await (await consoles.start()).signIn();
  const page = await until("the source has answered", async () => {
    const { text } = await browser.get("/queues");
    return text.includes(`/queues/${patterns}/${system.singularity.name}`) ? text : undefined;
  });
  expect(page).toContain(">centralcloud queues</code>");
  await emptyQueues(system);
});

test("one queue shows the oldest messages with their contents masked", async () => {
  await queuesOf(system).send(patterns, patternMessage({ pattern: { secret: "word" } }));
  const browser = await (await consoles.start()).signIn();
  const { status, text } = await browser.get(`/queues/${patterns}/${system.singularity.name}`);
  expect(status).toBe(200);
  expect(text).toContain("(masked object)");
  expect(text).not.toContain("secret");
  await emptyQueues(system);
});

test("an unknown queue is not found, and an unknown parameter is a mistake", async () => {
  const browser = await (await consoles.start()).signIn();
  const missing = await browser.get(`/queues/no-such-queue/${system.singularity.name}`);
  expect(missing).toMatchObject({ status: 404, text: expect.stringContaining("no-such-queue") });
  const mistyped = await browser.get("/queues?sorce=one");
  expect(mistyped.status).toBe(400);
  expect(mistyped.text).toContain("there is no parameter");
});
