import { fanOut, type Observe } from "@centralcloud/service";
import { Registry } from "prom-client";
import type { Looks } from "../looks/looks.ts";
import { createDatabaseMetrics } from "./database-metrics.ts";
import { createLaneMetrics } from "./lane-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import { createReplicaMetrics, type ReplicaState } from "./replica-metrics.ts";
import { createCaptureMetrics, createServiceMetrics } from "./service-metrics.ts";
import { createSlotMetrics } from "./slot-metrics.ts";

export interface Metrics {
  /** Counts what happens; a sink of observations. */
  readonly observe: Observe;
  readonly contentType: string;
  /** All metrics in Prometheus' text format, after a short look at the databases. */
  render(): Promise<string>;
}

export function createMetrics(replica: ReplicaState, looks: Looks): Metrics {
  const registry = new Registry();
  const lanes = createLaneMetrics(registry);
  const service = createServiceMetrics(registry);
  const capture = createCaptureMetrics(registry);
  const updates = [
    createReplicaMetrics(registry, replica),
    createDatabaseMetrics(registry, looks),
    createSlotMetrics(registry, looks),
  ];
  const whole = Registry.merge([registry, processMetrics()]);

  function announceLanes(): void {
    for (const { source, lanes: ofSource } of replica.breakers().sources) {
      for (const { queue } of ofSource) lanes.announce({ source, queue });
    }
  }

  return {
    observe: fanOut(lanes.observe, service.observe, capture.observe),
    contentType: registry.contentType,
    async render() {
      await looks.refresh();
      announceLanes();
      for (const { update } of updates) update();
      return await whole.metrics();
    },
  };
}
