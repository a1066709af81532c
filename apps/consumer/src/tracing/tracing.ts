import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { ConsumerObservation } from "../observation.ts";
import type { TracingSettings } from "./settings.ts";

export interface Tracing extends Part {
  /** Makes spans of what happens; a sink of observations. */
  readonly observe: Observe<ConsumerObservation>;
}

/**
 * Traces of batches. OpenTelemetry is loaded when this starts, so that who does not trace does not even load it.
 *
 * @param instanceId of this replica.
 */
export function createTracing(
  settings: TracingSettings,
  instanceId: () => string,
  observe: Observe<ConsumerObservation>,
): Tracing {
  let sink: Observe<ConsumerObservation> = () => {};
  let end = async (_graceMs: number) => {};
  const part = definePart({
    name: "tracing",
    async start() {
      const { startExporting } = await import("./start-exporting.ts");
      const { createBatchSpans } = await import("./batch-spans.ts");
      const exporting = startExporting(settings, instanceId(), observe);
      const spans = createBatchSpans(exporting.tracer);
      sink = spans.observe;
      end = async (graceMs) => {
        spans.end();
        await exporting.end(graceMs);
      };
      observe({ event: "part-started", part: "tracing" });
    },
    async stop(graceMs) {
      sink = () => {};
      await end(graceMs);
      observe({ event: "part-stopped", part: "tracing" });
    },
  });
  return { ...part, observe: (observation) => sink(observation) };
}
