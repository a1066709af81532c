import { mergePatterns } from "@centralcloud/central";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { endedOrBlocked } from "../support/blocked.ts";
import { centralContent, emptyCentral } from "../support/central-content.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { arbitraryDeliveries, batchesOf, mergeCases, sourceIds } from "../support/merge-cases.ts";
import { processOf, useConnections } from "../support/single-connection.ts";

const system = useSystem();
failOnLeaks(system);
const consumers = useConnections(system, "central", 2);

describe.each(mergeCases)("$queue", ({ queue, merge, text }) => {
  const deliveries = arbitraryDeliveries(queue, text);

  /** What the store must hold: every message once, in one batch of each source. */
  async function expectedContent(once: Parameters<typeof batchesOf>[1]) {
    const central = system.central.pool;
    await emptyCentral(central);
    for (const batch of batchesOf(queue, once, [1000])) await merge(central, batch);
    const content = await centralContent(central);
    await emptyCentral(central);
    return content;
  }

  test("any order, duplication, batching and concurrency gives the same content, byte for byte", async () => {
    const central = system.central.pool;
    const property = fc.asyncProperty(
      deliveries,
      fc.constantFrom(1, 2, 4),
      async ({ once, delivered, batches }, concurrency) => {
        const expected = await expectedContent(once);
        const rest = [...batches];
        const totals = { merged: 0, duplicates: 0 };
        const consumer = async () => {
          for (let batch = rest.pop(); batch !== undefined; batch = rest.pop()) {
            const { merged, duplicates } = await merge(central, batch);
            totals.merged += merged;
            totals.duplicates += duplicates;
          }
        };
        await Promise.all(Array.from({ length: concurrency }, consumer));
        expect(await centralContent(central)).toEqual(expected);
        expect(totals).toEqual({
          merged: once.length,
          duplicates: delivered.length - once.length,
        });
      },
    );
    await fc.assert(property, { numRuns: 60 });
  }, 120_000);

  /*
   * Each batch is merged while the one before it is done and not yet committed, by another consumer; then that one is
   * committed, or rolled back, as when its consumer dies, and delivered again.
   */
  test("two consumers, each merging while the other's transaction is open, give the same content", async () => {
    let blocked = 0;
    const property = fc.asyncProperty(
      deliveries,
      fc.infiniteStream(fc.boolean()),
      async ({ once, delivered, batches }, rollBacks) => {
        const expected = await expectedContent(once);
        const queued = batches.map((batch) => ({ batch, rollsBack: rollBacks.next().value }));
        const totals = { merged: 0, duplicates: 0 };
        let commitOpen = async () => {};
        try {
          for (let turn = 0; ; turn++) {
            const next = queued.shift();
            const consumer = consumers[turn % 2];
            if (next === undefined || consumer === undefined) break;
            const { batch, rollsBack } = next;
            await consumer.query("begin");
            const pid = await processOf(consumer);
            const merging = merge(consumer, batch);
            if ((await endedOrBlocked(system.central.pool, pid, merging)) === "blocked") {
              blocked += 1;
            }
            await commitOpen();
            const { merged, duplicates } = await merging;
            commitOpen = async () => {
              await consumer.query(rollsBack ? "rollback" : "commit");
              if (rollsBack) return;
              totals.merged += merged;
              totals.duplicates += duplicates;
            };
            if (rollsBack) queued.push({ batch, rollsBack: false });
          }
          await commitOpen();
        } finally {
          // Nothing is open any more, unless this case failed and is tried again in a smaller form.
          for (const consumer of consumers) await consumer.query("rollback");
        }
        expect(await centralContent(system.central.pool)).toEqual(expected);
        expect(totals).toEqual({
          merged: once.length,
          duplicates: delivered.length - once.length,
        });
      },
    );
    await fc.assert(property, { numRuns: 60 });
    expect(blocked, "merges that had to wait for the other consumer").toBeGreaterThan(20);
  }, 120_000);
});

test("counts of a pattern are those of a model computed from the set of messages", async () => {
  const central = system.central.pool;
  const property = fc.asyncProperty(
    fc.array(
      fc.tuple(
        fc.constantFrom(...sourceIds),
        fc.nat(3),
        fc.nat(3),
        fc.integer({ min: 0, max: 100 }),
      ),
      { minLength: 1, maxLength: 60 },
    ),
    async (observations) => {
      await emptyCentral(central);
      const deliveries = observations.map(([sourceId, agent, pattern, percent], index) => ({
        sourceId,
        message: {
          msgId: String(index),
          enqueuedAt: "2025-10-25T10:00:00Z",
          document: `{"agent_id":${agent},"pattern":{"n":${pattern}},"learned_at":"2025-10-25T10:00:00Z","confidence":${percent / 100}}`,
        },
      }));
      for (const batch of batchesOf("centralcloud-new-patterns", deliveries, [7])) {
        await mergePatterns(central, batch);
      }
      const model = [...new Set(observations.map(([, , pattern]) => pattern))]
        .sort()
        .map((pattern) => {
          const own = observations.filter((observation) => observation[2] === pattern);
          return {
            n: pattern,
            observations: own.length,
            agents: new Set(own.map(([source, agent]) => `${source} ${agent}`)).size,
            sources: new Set(own.map(([source]) => source)).size,
            max: Math.max(...own.map(([, , , percent]) => percent)),
            sum: own.reduce((sum, [, , , percent]) => sum + percent, 0),
          };
        });
      const { rows } = await central.query(
        `select (pattern ->> 'n')::integer as n, observation_count::integer as observations,
                agent_count as agents, source_count as sources,
                (confidence_max * 100)::integer as max, (confidence_sum * 100)::integer as sum
           from central.patterns order by 1`,
      );
      expect(rows).toEqual(model);
    },
  );
  await fc.assert(property, { numRuns: 40 });
}, 120_000);

test("a message without an id, or an id without a message, is no batch", async () => {
  const attempt = system.central.pool.query(
    `select central.merge_patterns($1, 'q', '{1,2}', array[now(), now()],
       '[{"agent_id": "a", "pattern": {}, "learned_at": "2026-01-01T00:00:00Z"}]')`,
    [sourceIds[0]],
  );
  await expect(attempt).rejects.toMatchObject({ code: "22023" });
});
