import { type CaptureStatus, describeCapture } from "@centralcloud/cdc";
import type { Registry } from "prom-client";
import { createGauge } from "./gauges.ts";
import type { SeenDatabases } from "./seen-databases.ts";

const states = ["off", "waiting", "reading", "unread", "lost", "refused"] as const;
const walStatuses = ["reserved", "extended", "unreserved", "lost"] as const;

/**
 * The state of each source's slot, by any process or none. Where this consumer captures nothing, a slot is seen nevertheless: the source keeps write-ahead log for it.
 */
export function createSlotMetrics(registry: Registry, databases: SeenDatabases) {
  const state = createGauge(
    registry,
    "centralcloud_capture_state",
    "1 for the state that the capture of a source is in: off, waiting, reading, unread, lost or refused",
    "source",
    "state",
  );
  const walStatus = createGauge(
    registry,
    "centralcloud_capture_wal_status",
    "1 for the wal_status of a source's slot: reserved, extended, unreserved or lost",
    "source",
    "status",
  );
  const retained = createGauge(
    registry,
    "centralcloud_capture_retained_wal_bytes",
    "Write-ahead log that the source keeps because of the slot",
    "source",
  );
  const safe = createGauge(
    registry,
    "centralcloud_capture_safe_wal_bytes",
    "Write-ahead log that may be written until the slot is lost; missing where nothing limits it",
    "source",
  );
  const lagBytes = createGauge(
    registry,
    "centralcloud_capture_lag_bytes",
    "Write-ahead log that was written since the slot was last confirmed",
    "source",
  );
  const lagSeconds = createGauge(
    registry,
    "centralcloud_capture_lag_seconds",
    "How long ago, by the source's clock, the change log was complete",
    "source",
  );

  function set(status: CaptureStatus): void {
    const { sourceId: source } = status;
    for (const one of states) state.set({ source, state: one }, status.state === one ? 1 : 0);
    if (status.walStatus !== null) {
      for (const one of walStatuses) {
        walStatus.set({ source, status: one }, status.walStatus === one ? 1 : 0);
      }
    }
    if (status.retainedBytes !== null) retained.set({ source }, status.retainedBytes);
    if (status.safeBytes !== null) safe.set({ source }, status.safeBytes);
    if (status.lagBytes !== null) lagBytes.set({ source }, status.lagBytes);
    if (status.lagSeconds !== null) lagSeconds.set({ source }, status.lagSeconds);
  }

  return {
    update(): void {
      const { sources, captures } = databases;
      for (const gauge of [state, walStatus, retained, safe, lagBytes, lagSeconds]) gauge.reset();
      // By the consumer's own login first, which does not know how far the change log is.
      for (const { seen } of sources) {
        if (seen !== undefined) set(describeCapture(seen, seen.slot, undefined));
      }
      for (const { seen } of captures) if (seen !== undefined) set(seen);
    },
  };
}
