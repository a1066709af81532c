import { type Observe, settledWithin } from "@centralcloud/service";
import type { Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import type { ConsumerObservation } from "../observation.ts";
import { version } from "../version.ts";
import type { TracingSettings } from "./settings.ts";

export interface Exporting {
  readonly tracer: Tracer;
  /** Exports what is left, for at most so many milliseconds. */
  end(graceMs: number): Promise<void>;
}

/** Nothing is registered globally: only what is given the tracer makes spans. */
export function startExporting(
  settings: TracingSettings,
  instanceId: string,
  observe: Observe<ConsumerObservation>,
): Exporting {
  const { url, headers, protocol, timeoutMs, linkLimit: linkCountLimit } = settings;
  const target = {
    timeoutMillis: timeoutMs,
    ...(url === undefined ? {} : { url }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  };
  const exporter =
    protocol === "http/json" ? new JsonExporter(target) : new ProtobufExporter(target);
  const attributes = {
    "service.name": "centralcloud-consumer",
    "service.version": version,
    "service.instance.id": instanceId,
  };
  const resource = defaultResource()
    .merge(resourceFromAttributes(attributes))
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word.
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({
    resource,
    spanLimits: { linkCountLimit },
    spanProcessors: [new BatchSpanProcessor(tellingFailures(exporter, observe))],
  });
  return {
    tracer: provider.getTracer("centralcloud", version),
    async end(graceMs) {
      // One export may be under way, and the last one comes after it.
      await settledWithin(provider.shutdown(), Math.min(graceMs, 2 * timeoutMs + 500));
    },
  };
}

/** Spans that can't be exported are dropped, which is told, and when it works again. */
function tellingFailures(
  exporter: SpanExporter,
  observe: Observe<ConsumerObservation>,
): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const { error } = result;
        if (error !== undefined) {
          observe({ event: "export-failed", what: "spans", error: error.message });
        } else if (failing) observe({ event: "export-recovered", what: "spans" });
        failing = error !== undefined;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
