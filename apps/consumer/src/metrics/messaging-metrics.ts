import type { BatchOutcome } from "@centralcloud/lane";
import { Counter, Histogram, type Registry } from "prom-client";
import { durationBuckets } from "./buckets.ts";
import type { LaneLabels } from "./lane-labels.ts";

/** Of histograms; counters have the source, too. */
const labelNames = [
  "messaging_system",
  "messaging_destination_name",
  "messaging_operation_name",
  "error_type",
] as const;

/**
 * What OpenTelemetry's semantic conventions for messaging clients have a metric for, under the names and
 * attributes that they give it, as Prometheus writes them.
 */
export function createMessagingMetrics(registry: Registry) {
  const registers = [registry];
  const consumed = new Counter({
    name: "messaging_client_consumed_messages_total",
    help: "Messages that were delivered: read from their queue, once or again",
    labelNames: ["source", ...labelNames],
    registers,
  });
  const operations = new Histogram({
    name: "messaging_client_operation_duration_seconds",
    help: "How long the queue took to give a batch (read) and to archive one (archive)",
    labelNames,
    buckets: durationBuckets,
    registers,
  });
  const process = new Histogram({
    name: "messaging_process_duration_seconds",
    help: "How long a batch was at work, from after its read until every message had its outcome",
    labelNames,
    buckets: durationBuckets,
    registers,
  });
  return {
    announce(lane: LaneLabels) {
      consumed.inc(counted(lane), 0);
    },
    read(lane: LaneLabels, count: number, ms: number) {
      consumed.inc(counted(lane), count);
      operations.observe(attributes(lane, "read"), ms / 1000);
    },
    archived(lane: LaneLabels, ms: number) {
      operations.observe(attributes(lane, "archive"), ms / 1000);
    },
    processed(lane: LaneLabels, ms: number, outcome: BatchOutcome) {
      const error = outcome === "settled" ? {} : { error_type: outcome };
      process.observe({ ...attributes(lane, "process"), ...error }, ms / 1000);
    },
  };
}

function counted(lane: LaneLabels) {
  return { source: lane.source, ...attributes(lane, "read") };
}

function attributes({ queue }: LaneLabels, operation: "read" | "archive" | "process") {
  return {
    messaging_system: "pgmq",
    messaging_destination_name: queue,
    messaging_operation_name: operation,
  };
}
