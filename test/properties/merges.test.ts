import { contractFor, type QueueName } from "@centralcloud/contracts";
import { type MergeBatch, mergeKnowledge, mergePatterns, mergeSessions } from "@centralcloud/db";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { knowledgeText, patternText, sessionText } from "../support/arbitrary-messages.ts";
import { centralContent, emptyCentral } from "../support/central-content.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);

const cases = [
  { queue: "centralcloud-new-patterns", merge: mergePatterns, text: patternText },
  { queue: "agent-sessions", merge: mergeSessions, text: sessionText },
  { queue: "agent-knowledge-updates", merge: mergeKnowledge, text: knowledgeText },
] as const;

const sourceIds = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];

interface Delivery {
  readonly sourceId: string;
  readonly message: MergeBatch["messages"][number];
}

/** The documents that a contract hands on; a message that it refuses shows that the generator is wrong. */
function documentOf(queue: QueueName, text: string): string {
  const checked = contractFor(queue).check(text);
  expect(checked, text).toMatchObject({ ok: true });
  return checked.ok ? checked.document : "";
}

/** Batches of deliveries, each batch of one source, as a lane would merge them. */
function batchesOf(
  queue: string,
  deliveries: readonly Delivery[],
  sizes: readonly number[],
): MergeBatch[] {
  const batches: MergeBatch[] = [];
  for (const sourceId of sourceIds) {
    let rest = deliveries.filter((delivery) => delivery.sourceId === sourceId);
    for (let turn = 0; rest.length > 0; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      const messages = rest.slice(0, size).map((delivery) => delivery.message);
      batches.push({ sourceId, queue, messages });
      rest = rest.slice(size);
    }
  }
  return batches;
}

describe.each(cases)("$queue", ({ queue, merge, text }) => {
  test("any order, duplication, batching and interleaving gives the same content, byte for byte", async () => {
    const central = system.central.pool;
    const messages = fc.array(fc.tuple(text, fc.constantFrom(...sourceIds)), {
      minLength: 1,
      maxLength: 25,
    });
    const property = fc.asyncProperty(
      messages.chain((drawn) =>
        fc.record({
          drawn: fc.constant(drawn),
          // Every message at least once, some several times, in any order.
          order: fc.array(fc.nat(drawn.length - 1), { maxLength: 15 }).chain((again) => {
            const all = [...drawn.keys(), ...again];
            return fc
              .shuffledSubarray([...all.keys()], { minLength: all.length })
              .map((places) => places.map((place) => all[place] as number));
          }),
          sizes: fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 4 }),
          concurrency: fc.constantFrom(1, 2, 4),
        }),
      ),
      async ({ drawn, order, sizes, concurrency }) => {
        const deliveries = drawn.map(([body, sourceId], index) => ({
          sourceId,
          message: {
            msgId: String(index + 1),
            enqueuedAt: "2025-10-25T10:00:00.123456+00:00",
            document: documentOf(queue, body),
          },
        }));
        await emptyCentral(central);
        for (const batch of batchesOf(queue, deliveries, [1000])) await merge(central, batch);
        const expected = await centralContent(central);

        await emptyCentral(central);
        const shuffled = order.map((index) => deliveries[index] as Delivery);
        const batches = batchesOf(queue, shuffled, sizes);
        const totals = { merged: 0, duplicates: 0 };
        const consumer = async () => {
          for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
            const { merged, duplicates } = await merge(central, batch);
            totals.merged += merged;
            totals.duplicates += duplicates;
          }
        };
        await Promise.all(Array.from({ length: concurrency }, consumer));
        expect(await centralContent(central)).toEqual(expected);
        expect(totals).toEqual({
          merged: drawn.length,
          duplicates: order.length - drawn.length,
        });
      },
    );
    await fc.assert(property, { numRuns: 60 });
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
