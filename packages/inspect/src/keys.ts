import { type LiveReplica, lackingReplicas } from "@centralcloud/central";
import { type KnownSessionKey, readSessionKeys } from "@centralcloud/session-keys";
import { askSources, type SourceOptions } from "./ask-sources.ts";
import type { Answers } from "./faults.ts";

/** A consumer, as operators know it. */
export interface ConsumerName {
  readonly id: string;
  readonly host: string;
}

export interface KeyReport extends KnownSessionKey {
  readonly source: string;
  /** Consumers at work that do not hold it; null where they can't be asked. */
  readonly lackedBy: readonly ConsumerName[] | null;
}

/**
 * The public keys that each source knows, and which consumers at work can't open what is sealed for them.
 *
 * @param replicas the consumers at work; null where they can't be asked.
 */
export function readKeys(
  urls: readonly string[],
  options: SourceOptions,
  replicas: readonly LiveReplica[] | null,
): Promise<Answers<readonly KeyReport[]>> {
  return askSources(urls, options, async ({ pool, name }) =>
    (await readSessionKeys(pool)).map((key): KeyReport => {
      const lacking = replicas && lackingReplicas(replicas, key);
      return {
        source: name,
        ...key,
        lackedBy: lacking?.map(({ id, host }) => ({ id, host })) ?? null,
      };
    }),
  );
}
