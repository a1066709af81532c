import type { BatchOutcome, ReleaseReason } from "@centralcloud/lane";
import { faultKindsOf } from "@centralcloud/postgres";
import { Counter, Histogram, type Registry } from "prom-client";
import type { ConsumerObservation } from "../observation.ts";
import { BatchHistogram } from "./batch-histogram.ts";
import { batchSizeBuckets, durationBuckets, latencyBuckets } from "./buckets.ts";
import { type LaneLabels, labelsOf } from "./lane-labels.ts";
import { createMessagingMetrics } from "./messaging-metrics.ts";

const lane = ["source", "queue"] as const;

/** Of histograms: with hundreds of sources, one for each lane would be most of a scrape by far. */
const ofQueue = ["queue"] as const;

export interface LaneMetrics {
  observe(observation: ConsumerObservation): void;
  /**
   * Lets counters of a lane begin at 0, so that their first increase is seen as one.
   *
   * @param withKinds also those that have a series for each kind of fault, outcome or cause.
   */
  announce(lane: LaneLabels, withKinds: boolean): void;
}

/** The values of `reason` in dead letters; another one would be counted as `other`. */
const reasons = ["invalid", "unreadable", "too-large", "rejected", "failed", "delivery-limit"];

const causes: readonly ReleaseReason[] = ["fault", "shutdown", "memory-budget", "suspicion"];
const outcomes: readonly BatchOutcome[] = ["settled", "fault", "lease-lost", "shutdown", "crash"];
const sides = ["source", "central"] as const;

/** What lanes do, from their observations: a few steps a batch, whatever its size. */
export function createLaneMetrics(registry: Registry): LaneMetrics {
  const registers = [registry];
  const messaging = createMessagingMetrics(registry);
  const count = <Label extends string = never>(
    name: string,
    help: string,
    ...labels: readonly Label[]
  ) => new Counter({ name, help, labelNames: [...lane, ...labels], registers });

  const readBytes = count("centralcloud_read_bytes_total", "Bytes of the messages that were read");
  const merged = count(
    "centralcloud_messages_merged_total",
    "Messages whose effect was made in the central store",
  );
  const duplicates = count(
    "centralcloud_messages_duplicate_total",
    "Messages whose effect had been made before, redelivered after a crash for example",
  );
  const archived = count(
    "centralcloud_messages_archived_total",
    "Messages that were moved to their queue's archive",
  );
  const deadLettered = count(
    "centralcloud_messages_dead_lettered_total",
    "Messages that were moved to the dead-letter queue, by reason",
    "reason",
  );
  const refusedDeadLetters = count(
    "centralcloud_dead_letters_refused_total",
    "Times that the source would not take a dead letter; it is tried again",
  );
  const released = count(
    "centralcloud_messages_released_total",
    "Times that messages were released undecided, by cause",
    "cause",
  );
  const attempts = count(
    "centralcloud_attempts_failed_total",
    "Failed attempts that were counted against a message, to be tried again",
  );
  const extensions = count(
    "centralcloud_lease_extensions_total",
    "Times that the lease of a batch was extended",
  );
  const lost = count(
    "centralcloud_lease_lost_messages_total",
    "Messages whose lease ran out, or was taken by somebody else, while they were at work",
  );
  const faults = count(
    "centralcloud_lane_faults_total",
    "Faults that only this lane met, by side and kind",
    "side",
    "kind",
  );
  const crashes = count(
    "centralcloud_lane_crashes_total",
    "Times that a lane crashed because of a bug, and started again",
  );
  const batches = count(
    "centralcloud_batches_total",
    "Batches that came to their end, by outcome",
    "outcome",
  );
  const batchSize = new Histogram({
    name: "centralcloud_batch_messages",
    help: "Messages of a read",
    labelNames: ofQueue,
    buckets: batchSizeBuckets,
    registers,
  });
  const stages = new Histogram({
    name: "centralcloud_batch_stage_duration_seconds",
    help: "How long the messages of a batch were checked, and merged",
    labelNames: [...ofQueue, "stage"],
    buckets: durationBuckets,
    registers,
  });
  const latency = new BatchHistogram({
    name: "centralcloud_message_latency_seconds",
    help: "From the sending of a message to the commit of its merge, by the source's clock",
    labelNames: ofQueue,
    bounds: latencyBuckets,
    registers,
  });

  return {
    announce(labels, withKinds) {
      messaging.announce(labels);
      if (withKinds) {
        for (const cause of causes) released.inc({ ...labels, cause }, 0);
        for (const outcome of outcomes) batches.inc({ ...labels, outcome }, 0);
        for (const kind of faultKindsOf("lane")) {
          for (const side of sides) faults.inc({ ...labels, side, kind }, 0);
        }
      }
      const rare = [refusedDeadLetters, attempts, extensions, lost, crashes];
      for (const counter of [readBytes, merged, duplicates, archived, ...rare])
        counter.inc(labels, 0);
      for (const reason of reasons) deadLettered.inc({ ...labels, reason }, 0);
    },
    observe(observation) {
      if (!("queue" in observation)) return;
      const labels = labelsOf(observation);
      const { queue } = labels;
      switch (observation.event) {
        case "batch-read":
          messaging.read(labels, observation.count, observation.ms);
          readBytes.inc(labels, observation.bytes);
          batchSize.observe({ queue }, observation.count);
          break;
        case "batch-checked":
          stages.observe({ queue, stage: "check" }, observation.ms / 1000);
          break;
        case "batch-merged":
          merged.inc(labels, observation.merged);
          duplicates.inc(labels, observation.duplicates);
          stages.observe({ queue, stage: "merge" }, observation.ms / 1000);
          latency.observeAll({ queue }, observation.latenciesMs, 1000);
          break;
        case "batch-archived":
          archived.inc(labels, observation.count);
          messaging.archived(labels, observation.ms);
          break;
        case "batch-finished":
          batches.inc({ ...labels, outcome: observation.outcome });
          messaging.processed(labels, observation.ms, observation.outcome);
          break;
        case "message-dead-lettered": {
          const reason = reasons.includes(observation.reason) ? observation.reason : "other";
          deadLettered.inc({ ...labels, reason });
          break;
        }
        case "dead-letter-refused":
          refusedDeadLetters.inc(labels);
          break;
        case "messages-released":
          released.inc({ ...labels, cause: observation.reason }, observation.count);
          break;
        case "delivery-failed":
          attempts.inc(labels);
          break;
        case "lease-extended":
          extensions.inc(labels);
          lost.inc(labels, observation.lost);
          break;
        case "lease-lost":
          lost.inc(labels, observation.count);
          break;
        case "lane-fault":
          faults.inc({ ...labels, side: observation.side, kind: observation.kind });
          break;
        case "lane-crashed":
          crashes.inc(labels);
          break;
        case "lane-recovered":
        case "ledger-pruned":
        case "messages-missing":
        case "messages-restored":
        case "archive-uncompared":
          break;
        default:
          observation satisfies never;
      }
    },
  };
}
