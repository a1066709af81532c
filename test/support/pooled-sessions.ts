import { type CaptureSettings, createCapture } from "@centralcloud/cdc";
import { createConsumer } from "@centralcloud/consumer";
import { createScheduler } from "@centralcloud/scheduler";
import type { Part } from "@centralcloud/service";
import { expect } from "vitest";
import { configurationFor, deadLettersOf, queuesOf } from "./consumer.ts";
import type { TestSystem } from "./databases.ts";
import { patternMessage } from "./messages.ts";
import type { Observation } from "./observations.ts";
import { until } from "./until.ts";

interface PooledUrls {
  readonly sourceUrl: string;
  readonly centralUrl: string;
}

/** Runs a part until it has observed something. */
async function runUntil(
  create: (observe: (observation: Observation) => void) => Part,
  what: string,
  isIt: (observation: Observation) => boolean,
): Promise<Observation> {
  const observations: Observation[] = [];
  const part = create((observation) => void observations.push(observation));
  await part.start();
  try {
    return await until(what, () => observations.find(isIt));
  } catch (error) {
    throw new Error(`it observed only ${JSON.stringify(observations.slice(0, 5))}`, {
      cause: error,
    });
  } finally {
    await part.stop(5_000);
  }
}

/** The capture and the scheduler name the pooler that keeps them from working. */
export async function runsOnlyInOwnSession(
  { sourceUrl, centralUrl }: PooledUrls,
  settings: CaptureSettings,
): Promise<void> {
  const words = (who: string) => `a pooler is in between, and ${who} needs a session of its own`;
  const captured = await runUntil(
    (observe) => createCapture({ sourceUrls: [sourceUrl], centralUrl, ...settings }, observe),
    "a fault of the capture",
    ({ event }) => event === "capture-fault",
  );
  expect(captured).toMatchObject({ error: expect.stringContaining(words("change capture")) });
  const scheduled = await runUntil(
    (observe) => createScheduler({ sourceUrls: [sourceUrl], schedules: {} }, observe),
    "a fault of the scheduler",
    ({ event }) => event === "scheduler-fault",
  );
  expect(scheduled).toMatchObject({ error: expect.stringContaining(words("the scheduler")) });
}

/** A consumer in whose way a pooler is of which it does not know tells what to set, and blames no message. */
export async function saysThatItWasNotTold(
  system: TestSystem,
  { sourceUrl, centralUrl }: PooledUrls,
): Promise<void> {
  const queue = "centralcloud-new-patterns";
  await queuesOf(system).sendBatch(
    queue,
    Array.from({ length: 40 }, () => patternMessage()),
  );
  const told = new Set<string>();
  const faults: Observation[] = [];
  await runUntil(
    (observe) =>
      createConsumer(
        configurationFor(system, {
          sourceUrls: [sourceUrl],
          centralUrl,
          batchSize: 2,
          concurrency: 4,
        }),
        observe,
      ),
    "the listener and a lane to say so",
    (observation) => {
      const { event } = observation;
      if (event === "listener-lost" && observation.error.includes("CONSUMER_TRANSACTION_POOLING")) {
        told.add(event);
      }
      if (event === "lane-fault") {
        faults.push(observation);
        told.add(event);
      }
      return told.size === 2;
    },
  );
  expect(faults).toContainEqual(
    expect.objectContaining({
      kind: "no-session",
      code: expect.stringMatching(/^(42P05|26000)$/),
      error: expect.stringContaining("set CONSUMER_TRANSACTION_POOLING=true"),
    }),
  );
  expect(await deadLettersOf(system, queue)).toEqual([]);
}
