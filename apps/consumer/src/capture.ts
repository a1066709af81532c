import { createCapture } from "@centralcloud/cdc";
import type { Observe, Part } from "@centralcloud/service";
import type { ConsumerConfiguration } from "./configuration.ts";

/** What captures the sources' changes, where `CDC_ENABLED` asks for it. */
export function createCaptureParts(
  { capture, sourceUrls, centralUrl }: ConsumerConfiguration,
  observe: Observe,
): readonly Part[] {
  if (!capture.enabled) return [];
  return [createCapture({ sourceUrls, centralUrl, ...capture }, observe)];
}
