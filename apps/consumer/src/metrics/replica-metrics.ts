import type { Registry } from "prom-client";
import type { BreakerStates, Health } from "../consumer.ts";
import { version } from "../version.ts";
import { createGauge } from "./gauges.ts";

export interface ReplicaState {
  health(): Health;
  breakers(): BreakerStates;
}

/** How this replica is. Asks no database. */
export function createReplicaMetrics(registry: Registry, replica: ReplicaState) {
  const build = createGauge(
    registry,
    "centralcloud_build_info",
    "1; which build this is",
    "version",
    "node_version",
  );
  const ready = createGauge(registry, "centralcloud_ready", "Whether /readyz answers 200");
  const waiting = createGauge(
    registry,
    "centralcloud_sources_waiting",
    "Sources that are not consumed yet, because they or the central store can't be asked",
  );
  const databases = createGauge(
    registry,
    "centralcloud_database_breaker_open",
    "1 while a database does not work: a source, or central; nobody here uses it then",
    "database",
  );
  const lanes = createGauge(
    registry,
    "centralcloud_lane_breaker_open",
    "1 while a lane meets a fault of its own at this side, such as a missing grant",
    "source",
    "queue",
    "side",
  );
  return {
    update(): void {
      for (const gauge of [databases, lanes]) gauge.reset();
      const health = replica.health();
      build.set({ version, node_version: process.version }, 1);
      ready.set(health.ready ? 1 : 0);
      const { length } = health.sources.filter(({ waitingFor }) => waitingFor !== undefined);
      waiting.set(length);
      const { central, sources } = replica.breakers();
      databases.set({ database: "central" }, central ? 1 : 0);
      for (const { source, database, lanes: ofSource } of sources) {
        databases.set({ database: source }, database ? 1 : 0);
        for (const lane of ofSource) {
          const { queue } = lane;
          for (const side of ["source", "central"] as const) {
            lanes.set({ source, queue, side }, lane[side] ? 1 : 0);
          }
        }
      }
    },
  };
}
