import { createConsumer } from "@centralcloud/consumer";
import { expect } from "vitest";
import { archivedIn, configurationFor, queuesOf } from "./consumer.ts";
import type { TestSystem } from "./databases.ts";
import { patternMessage } from "./messages.ts";
import { until } from "./until.ts";

const queue = "centralcloud-new-patterns";

/** A consumer that was told of a pooler in transaction mode merges everything behind it, and does so after idleness. */
export async function expectToConsumeThrough(
  pooled: { readonly sourceUrl: string; readonly centralUrl: string },
  system: TestSystem,
): Promise<void> {
  const consumer = createConsumer(
    configurationFor(system, {
      sourceUrls: [pooled.sourceUrl],
      centralUrl: pooled.centralUrl,
      transactionPooling: true,
      batchSize: 50,
    }),
    () => {},
  );
  await consumer.start();
  try {
    await until("it is ready", () => consumer.health().working);
    for (const round of [1, 2]) {
      const bodies = Array.from({ length: 500 }, () => patternMessage());
      await queuesOf(system).sendBatch(queue, bodies);
      await until("all are settled", () => queuesOf(system).isEmpty(queue));
      await until("the lane is idle", () => consumer.lanes.every((lane) => lane.idle));
      expect(await archivedIn(system, queue)).toBe(round * 500);
    }
    expect(consumer.health().working).toBe(true);
  } finally {
    await consumer.stop();
  }
}
