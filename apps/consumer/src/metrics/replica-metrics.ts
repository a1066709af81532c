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
    "1 for a database whose source_id is another's: it is not consumed, or not captured, until an operator decides",
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
  const missing = createGauge(
    registry,
    "centralcloud_missing_messages",
    "Messages that are archived and not in the central store, which lost transactions; counted up to some 10000",
    "source",
    "queue",
  );
  const missingSince = createGauge(
    registry,
    "centralcloud_missing_since_timestamp_seconds",
    "When the oldest of them was archived, by the source's clock; missing where there are none",
    "source",
    "queue",
  );
  const uncompared = createGauge(
    registry,
    "centralcloud_uncompared_archives",
    "Archives that have to be compared with the ledger of the central store, and can't be, or not whole",
  );
  return {
    update(): void {
      for (const gauge of [refused, databases, lanes, missing, missingSince]) gauge.reset();
      for (const { place, state } of replica.sourceStates()) {
        refused.set({ place }, state === undefined ? 0 : 1);
      }
      const health = replica.health();
      for (const { address: place, state } of health.capture ?? []) {
        if (state === "refused") refused.set({ place }, 1);
      }
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
          missing.set({ source, queue }, 0);
          for (const side of ["source", "central"] as const) {
            lanes.set({ source, queue, side }, lane[side] ? 1 : 0);
          }
        }
      }
      for (const { sourceId: source, queue, messages, since } of health.missing ?? []) {
        missing.set({ source, queue }, messages);
        missingSince.set({ source, queue }, Date.parse(since) / 1_000);
      }
      uncompared.set(health.uncompared?.length ?? 0);
    },
  };
}
