import type { Registry } from "prom-client";
import type { BreakerStates, Health } from "../consumer.ts";
import type { RefusedState } from "../source.ts";
import { version } from "../version.ts";
import { createGauge } from "./gauges.ts";

export interface ReplicaState {
  health(): Health;
  breakers(): BreakerStates;
  /** Every configured database, by host, port and name, and how its id is another's where it is. */
  sourceStates(): readonly { readonly place: string; readonly state: RefusedState | undefined }[];
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
  const refused = createGauge(
    registry,
    "centralcloud_source_refused",
    "1 for a database whose source_id is another's: it is not consumed until an operator decides",
    "place",
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
      for (const gauge of [refused, databases, lanes]) gauge.reset();
      for (const { place, state } of replica.sourceStates()) {
        refused.set({ place }, state === undefined ? 0 : 1);
      }
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
