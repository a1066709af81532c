import { fanOut, type Observe } from "@centralcloud/service";
import { Registry } from "prom-client";
import type { Looks } from "../looks/looks.ts";
import type { ConsumerObservation } from "../observation.ts";
import { createDatabaseMetrics } from "./database-metrics.ts";
import { createLaneMetrics } from "./lane-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import { createReplicaMetrics, type ReplicaState } from "./replica-metrics.ts";
import { seenDatabases } from "./seen-databases.ts";
import { createCaptureMetrics, createServiceMetrics } from "./service-metrics.ts";
import { createSlotMetrics } from "./slot-metrics.ts";

export interface Metrics {
  /** Counts what happens; a sink of observations. */
  readonly observe: Observe<ConsumerObservation>;
  readonly contentType: string;
  /** All metrics in Prometheus' text format, after a short look at the databases. */
  render(): Promise<string>;
}

/**
 * A series for each kind of fault that has not come yet, some 120 a source: with more sources than this they would be
 * most of a scrape.
 */
const sourcesWithKinds = 32;

export function createMetrics(replica: ReplicaState, looks: Looks): Metrics {
  const registry = new Registry();
  const lanes = createLaneMetrics(registry);
  const service = createServiceMetrics(registry);
  const capture = createCaptureMetrics(registry);
  const databases = seenDatabases(looks, () => {
    const refused = replica.sourceStates().filter(({ state }) => state !== undefined);
    return new Set(refused.map(({ place }) => place));
  });
  const updates = [
    createReplicaMetrics(registry, replica),
    createDatabaseMetrics(registry, databases),
    createSlotMetrics(registry, databases),
  ];
  const whole = Registry.merge([registry, processMetrics()]);

  function announce(): void {
    const { sources } = replica.breakers();
    const withKinds = sources.length <= sourcesWithKinds;
    const captures = replica.health().capture !== undefined;
    service.announce("central", [], withKinds);
    for (const { source, lanes: ofSource } of sources) {
      const queues = ofSource.map(({ queue }) => queue);
      for (const queue of queues) lanes.announce({ source, queue }, withKinds);
      // Until its lanes run, a source has no id, and a series would be left behind by the name that it has.
      if (queues.length === 0) continue;
      service.announce(source, queues, withKinds);
      if (captures) capture.announce(source);
    }
  }

  return {
    observe: fanOut(lanes.observe, service.observe, capture.observe),
    contentType: registry.contentType,
    async render() {
      await looks.asked();
      announce();
      for (const { update } of updates) update();
      return await whole.metrics();
    },
  };
}
