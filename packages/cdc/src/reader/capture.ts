import { ConfiguredSources } from "@centralcloud/central";
import { createPool, endPool } from "@centralcloud/postgres";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { CaptureConfiguration } from "../configuration.ts";
import {
  type CapturedDatabase,
  type CaptureHealth,
  createSourceCapture,
} from "./source-capture.ts";

export interface Capture extends Part {
  health(): readonly CaptureHealth[];
}

const queryTimeoutMs = 60_000;
const endPoolMs = 1_000;

/**
 * Captures the changes of all sources into the change log. Any number of these may run: one reads the slot
 * of a source, and the others stand by. A source that is down delays no other.
 */
export function createCapture(configuration: CaptureConfiguration, observe: Observe): Capture {
  const { sourceUrls, centralUrl } = configuration;
  const central = createPool(centralUrl, {
    applicationName: "centralcloud-cdc",
    max: 2 * sourceUrls.length,
    queryTimeoutMs,
  });
  const configured = new ConfiguredSources<CapturedDatabase>();
  const sources = sourceUrls.map((url) =>
    createSourceCapture(url, central, configuration, observe, configured),
  );
  const part = definePart({
    name: "capture",
    async start() {
      await Promise.all(sources.map((source) => source.start()));
      observe({ event: "part-started", part: "capture" });
    },
    async stop(graceMs) {
      let ending: Promise<void> | undefined;
      const cut = () => {
        ending = endPool(central, 0);
      };
      const timer = setTimeout(cut, graceMs);
      await Promise.all(sources.map((source) => source.stop(graceMs)));
      clearTimeout(timer);
      await (ending ?? endPool(central, endPoolMs));
      observe({ event: "part-stopped", part: "capture" });
    },
  });
  return { ...part, health: () => sources.map((source) => source.health()) };
}
