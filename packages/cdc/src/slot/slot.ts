import type { CaptureCursor } from "../change-log.ts";
import { SlotLostError } from "../errors.ts";
import { findLoss, type LogOrigin, type Slot } from "./capture-slot.ts";

/** @throws {SlotLostError} when the slot no longer gives all that follows on the change log. */
export function assertNotLost(
  slot: Slot,
  cursor: CaptureCursor | undefined,
  server?: LogOrigin,
): void {
  const loss = findLoss(slot, cursor, server);
  if (loss !== undefined) throw new SlotLostError(slot.name, loss);
}

/** Of the publication that the slot depends on, or null where its output plugin has none. */
export function publicationIdOf({ plugin, publicationId }: Slot): number | null {
  return plugin === "pgoutput" ? publicationId : null;
}
