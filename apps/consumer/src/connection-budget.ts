import { captureVariables } from "@centralcloud/cdc";
import type { Side } from "@centralcloud/postgres";
import { type ConsumerConfiguration, concurrency } from "./configuration.ts";
import { routes } from "./routes.ts";

type Concurrency = Pick<ConsumerConfiguration, "sourceUrls" | "concurrency">;

/** Connections of the pool of a source: one reads while each batch settles on its own, for each queue. */
export function sourcePoolSize({ concurrency: batches }: Concurrency): number {
  return routes.length * (batches + 1);
}

/**
 * Connections of the pool of the central store: one for each batch that may be merged at once, up to a
 * number that a database is not faster beyond. Lanes wait for them in turn, so a busy source does not keep
 * a quiet one waiting.
 */
export function centralPoolSize({ sourceUrls, concurrency: perLane }: Concurrency): number {
  const batches = sourceUrls.length * routes.length * perLane;
  return Math.max(2, Math.min(batches, Math.max(16, 2 * perLane)));
}

/** The variables that decide how many connections a replica has. */
export const connectionVariables = {
  CONSUMER_CONCURRENCY: concurrency,
  CDC_ENABLED: captureVariables.CDC_ENABLED,
};

/**
 * How many connections a replica may have open to each source and to the central store at most, with its
 * listener, heartbeat, a probe after a fault and, where it is scraped, the connection that looks for metrics. What reads a slot counts against max_wal_senders instead.
 */
export function connectionsPerReplica(
  configuration: Concurrency & { readonly captures: boolean },
): Readonly<Record<Side, number>> {
  const { sourceUrls, captures } = configuration;
  return {
    source: sourcePoolSize(configuration) + 3 + (captures ? 3 : 0),
    central: centralPoolSize(configuration) + 3 + (captures ? 2 * sourceUrls.length : 0),
  };
}
