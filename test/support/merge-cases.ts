import { type MergeBatch, mergeBy } from "@centralcloud/central";
import { contractFor, type QueueName, queueNames } from "@centralcloud/contracts";
import fc from "fast-check";
import { expect } from "vitest";
import { queueCases } from "./queue-cases.ts";

/** The merge of each queue, with messages for it that collide often. */
export const mergeCases = queueNames.map((queue) => ({
  queue,
  merge: mergeBy(contractFor(queue).merge),
  text: queueCases[queue].text,
}));

export const sourceIds = [
  "00000000-0000-4000-8000-000000000001",
  "00000000-0000-4000-8000-000000000002",
];

export interface Delivery {
  readonly sourceId: string;
  readonly message: MergeBatch["messages"][number];
}

/** Messages, and the order in which they are delivered: each at least once, some several times. */
export function arbitraryDeliveries(queue: QueueName, text: fc.Arbitrary<string>) {
  return fc
    .array(fc.tuple(text, fc.constantFrom(...sourceIds)), { minLength: 1, maxLength: 25 })
    .chain((drawn) =>
      fc.record({
        once: fc.constant(
          drawn.map(([body, sourceId], index) => {
            const enqueuedAt = "2025-10-25T10:00:00.123456+00:00";
            const document = documentOf(queue, body);
            return { sourceId, message: { msgId: String(index + 1), enqueuedAt, document } };
          }),
        ),
        order: fc.array(fc.nat(drawn.length - 1), { maxLength: 15 }).chain((again) => {
          const all = [...drawn.keys(), ...again];
          return fc
            .shuffledSubarray([...all.keys()], { minLength: all.length })
            .map((places) => places.map((place) => all[place] as number));
        }),
        sizes: fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 4 }),
      }),
    )
    .map(({ once, order, sizes }) => {
      const delivered = order.map((index) => once[index] as Delivery);
      return { once, delivered, batches: batchesOf(queue, delivered, sizes) };
    });
}

/** The document that a contract hands on; a message that it refuses shows that the generator is wrong. */
function documentOf(queue: QueueName, text: string): string {
  const checked = contractFor(queue).check(text);
  expect(checked, text).toMatchObject({ ok: true });
  return checked.ok ? checked.document : "";
}

/** Batches of deliveries, each batch of one source, as a lane would merge them. */
export function batchesOf(
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
