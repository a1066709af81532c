import { hostname, userInfo } from "node:os";
import { readSource } from "@centralcloud/db";
import type { Pool } from "pg";
import { endCapture, readCaptureCursor } from "../change-log.ts";
import { findSlot } from "../slot/capture-slot.ts";
import { dropSlot } from "../slot/drop-slot.ts";
import { endPublication } from "../slot/publication.ts";

/** Who did it, for the change log. */
export function operator(): string {
  return `${userInfo().username}@${hostname()}`;
}

export interface Dropped {
  readonly source: string;
  /** Null where there was none. */
  readonly slot: string | null;
}

/**
 * Ends the capture of a source: drops its slot, so that the server keeps nothing for it any more, and its
 * publication, and marks the end in the change log, whose entries stay.
 *
 * @throws {CaptureStateError} while some process reads the slot.
 */
export async function dropCapture(source: Pool, central: Pool, reason: string): Promise<Dropped> {
  const { name, sourceId } = await readSource(source);
  const slot = await findSlot(source);
  if (slot !== undefined) await dropSlot(source, slot.name);
  await endPublication(source);
  const cursor = await readCaptureCursor(central, sourceId);
  await endCapture(central, sourceId, operator(), reason);
  return { source: name, slot: slot?.name ?? cursor?.slotName ?? null };
}
