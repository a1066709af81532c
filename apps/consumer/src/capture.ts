import { type Capture, createCapture } from "@centralcloud/cdc";
import type { Observe } from "@centralcloud/service";
import type { ConsumerConfiguration } from "./configuration.ts";
import type { ConsumerObservation } from "./observation.ts";

/** What captures the sources' changes, where `CDC_ENABLED` asks for it. */
export function createConfiguredCapture(
  { capture, sourceUrls, centralUrl }: ConsumerConfiguration,
  observe: Observe<ConsumerObservation>,
): Capture | undefined {
  if (!capture.enabled) return undefined;
  return createCapture({ sourceUrls, centralUrl, ...capture }, observe);
}
