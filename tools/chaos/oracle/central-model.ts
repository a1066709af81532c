import { queueNames } from "@centralcloud/contracts";
import type { LoadMessage } from "../load/message.ts";
import { chaosQueue } from "../queues.ts";
import type { Rows, StoreContent } from "./store-content.ts";

export interface KnownSource {
  readonly sourceId: string;
  readonly name: string;
}

/**
 * What the central store must hold after a set of messages, whatever their order: computed here from
 * what was sent, and from nothing that the system says of itself.
 */
export class CentralModel {
  readonly #sources: readonly KnownSource[];
  readonly #models = new Map(
    queueNames.map((queue) => [queue, chaosQueue(queue).createModel()] as const),
  );

  /** @param sources all that are consumed, in the order of their numbers. */
  constructor(sources: readonly KnownSource[]) {
    this.#sources = sources;
  }

  /** A message without an effect adds nothing. */
  add({ source, queue, effect }: Pick<LoadMessage, "source" | "queue" | "effect">): void {
    const sourceId = this.#sources[source]?.sourceId ?? "";
    if (effect !== undefined) this.#models.get(queue)?.add(sourceId, effect);
  }

  /** Every row of each table, its values spelled as they are read. */
  content(): StoreContent {
    const sources: Rows = new Map();
    for (const { sourceId, name } of this.#sources) sources.set(sourceId, { name });
    const contents = [...this.#models.values()].map((model) => model.content());
    return Object.assign({ sources }, ...contents) as StoreContent;
  }
}
