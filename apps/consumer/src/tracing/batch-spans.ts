import type { LaneObservation } from "@centralcloud/lane";
import type { Observe } from "@centralcloud/service";
import {
  type Attributes,
  context,
  isSpanContextValid,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { ConsumerObservation } from "../observation.ts";

export interface BatchSpans {
  readonly observe: Observe<ConsumerObservation>;
  /** Ends the spans of batches that never came to their end. */
  end(): void;
}

/** More batches than can be at work: if one is lost, its span must not stay for ever. */
const mostOpen = 1_000;

/**
 * A span `process QUEUE` for each batch, from its read to its end, linked to the spans that sent its messages;
 * beneath it one for each thing that is done with the batch. Names and attributes are those of OpenTelemetry's
 * semantic conventions for messaging. Observations tell how long something took when it is over, so a span
 * begins in the past.
 */
export function createBatchSpans(tracer: Tracer): BatchSpans {
  const open = new Map<string, Span>();

  function addChild(
    observation: LaneObservation & { readonly batch: number; readonly ms: number },
    name: string,
    kind: SpanKind,
    attributes: Attributes,
  ): void {
    const parent = open.get(keyOf(observation));
    if (parent === undefined) return;
    const now = Date.now();
    const all = { ...destinationOf(observation), ...attributes };
    tracer
      .startSpan(
        `${name} ${observation.queue}`,
        { kind, attributes: all, startTime: now - observation.ms },
        trace.setSpan(context.active(), parent),
      )
      .end(now);
  }

  function begin(observation: LaneObservation & { readonly event: "batch-read" }): void {
    const { queue, source, count, bytes, ms, traceparents = [] } = observation;
    const span = tracer.startSpan(
      `process ${queue}`,
      {
        kind: SpanKind.CONSUMER,
        root: true,
        startTime: Date.now() - ms,
        links: traceparents.flatMap(linkTo),
        attributes: {
          ...destinationOf(observation),
          "messaging.operation.name": "process",
          "messaging.operation.type": "process",
          "messaging.batch.message_count": count,
          "centralcloud.source": source,
        },
      },
      context.active(),
    );
    if (open.size >= mostOpen) endAll();
    open.set(keyOf(observation), span);
    addChild(observation, "read", SpanKind.CLIENT, {
      "messaging.operation.name": "read",
      "messaging.operation.type": "receive",
      "messaging.batch.message_count": count,
      "centralcloud.bytes": bytes,
    });
  }

  function finish(observation: LaneObservation & { readonly event: "batch-finished" }): void {
    const span = open.get(keyOf(observation));
    if (span === undefined) return;
    const { outcome } = observation;
    if (outcome !== "settled") {
      span.setAttribute("error.type", outcome);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(Date.now());
    open.delete(keyOf(observation));
  }

  function endAll(): void {
    for (const span of open.values()) span.end();
    open.clear();
  }

  return {
    end: endAll,
    observe(observation: ConsumerObservation) {
      switch (observation.event) {
        case "batch-read":
          begin(observation);
          break;
        case "batch-checked":
          addChild(observation, "check", SpanKind.INTERNAL, {
            "centralcloud.refused": observation.refused,
          });
          break;
        case "batch-merged":
          addChild(observation, "merge", SpanKind.INTERNAL, {
            "centralcloud.merged": observation.merged,
            "centralcloud.duplicates": observation.duplicates,
          });
          break;
        case "batch-archived":
          addChild(observation, "archive", SpanKind.CLIENT, {
            "messaging.operation.name": "archive",
            "messaging.operation.type": "settle",
            "messaging.batch.message_count": observation.count,
          });
          break;
        case "batch-finished":
          finish(observation);
          break;
        default:
      }
    },
  };
}

function keyOf({ source, sourceId, queue, batch }: LaneObservation & { readonly batch: number }) {
  return `${sourceId ?? source}\u0000${queue}\u0000${batch}`;
}

function destinationOf({ queue }: LaneObservation): Attributes {
  return { "messaging.system": "pgmq", "messaging.destination.name": queue };
}

/** @param traceparent of version 00, in the form that W3C's Trace Context gives it. */
function linkTo(traceparent: string): Link[] {
  const [, traceId = "", spanId = "", flags = "0"] = traceparent.split("-");
  const producer = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(producer) ? [{ context: producer }] : [];
}
