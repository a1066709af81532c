import { collectDefaultMetrics, Registry } from "prom-client";

/**
 * How often the event loop's delay is looked at, in milliseconds; what is reported includes it. At prom-client's
 * own ten it would be most of what an idle replica costs.
 */
const eventLoopMonitoringPrecision = 50;

let registry: Registry | undefined;

/** Memory, processor time, event loop and garbage collection: one set a process, since nothing ends it. */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision });
  }
  return registry;
}
