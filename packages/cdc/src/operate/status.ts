import { type CaptureCursor, readCaptureCursor, readSource, type Source } from "@centralcloud/db";
import type { Pool } from "pg";
import { formatLsn } from "../lsn.ts";
import { findSlot, type Slot } from "../slot/slot.ts";

/**
 * - `off`: nothing is captured.
 * - `reading`: some process reads the slot.
 * - `unread`: there is a slot, and nobody reads it; the server keeps what it has yet to give.
 * - `lost`: changes are missing; `recreate` begins anew.
 */
export type CaptureState = "off" | "reading" | "unread" | "lost";

export interface CaptureStatus {
  readonly source: string;
  readonly sourceId: string;
  readonly state: CaptureState;
  readonly slot: string | null;
  readonly plugin: string | null;
  readonly walStatus: string | null;
  /** Bytes of write-ahead log that the server keeps because of the slot. */
  readonly retainedBytes: number | null;
  /** Bytes of write-ahead log that were written since the slot was confirmed. */
  readonly lagBytes: number | null;
  /** How long ago, by the source's clock, the change log was complete. */
  readonly lagSeconds: number | null;
  /** Bytes that may be written until the slot is lost; null where nothing limits what is kept. */
  readonly safeBytes: number | null;
  /** Everything committed before this is in the change log. */
  readonly recordedLsn: string | null;
  readonly reader: string | null;
  /** When the reader last said that it lives. */
  readonly seenAt: Date | null;
}

export async function readCaptureStatus(source: Pool, central: Pool): Promise<CaptureStatus> {
  const identity = await readSource(source);
  const slot = await findSlot(source);
  return describeCapture(identity, slot, await readCaptureCursor(central, identity.sourceId));
}

/** @param cursor undefined also where it is not known: then only the slot itself can tell that it is lost. */
export function describeCapture(
  { name, sourceId }: Source,
  slot: Slot | undefined,
  cursor: CaptureCursor | undefined,
): CaptureStatus {
  const isLost =
    slot === undefined
      ? cursor !== undefined
      : slot.walStatus === "lost" || (cursor !== undefined && slot.confirmed > cursor.lsn);
  const lagMs =
    slot === undefined || cursor === undefined
      ? null
      : Math.max(0, Date.parse(slot.serverTime) - cursor.sourceTime.getTime());
  return {
    source: name,
    sourceId,
    state: isLost ? "lost" : slot === undefined ? "off" : slot.active ? "reading" : "unread",
    slot: slot?.name ?? cursor?.slotName ?? null,
    plugin: slot?.plugin ?? cursor?.plugin ?? null,
    walStatus: slot?.walStatus ?? null,
    retainedBytes: slot?.retainedBytes ?? null,
    lagBytes: slot?.lagBytes ?? null,
    lagSeconds: lagMs === null ? null : lagMs / 1000,
    safeBytes: slot?.safeBytes ?? null,
    recordedLsn: cursor === undefined ? null : formatLsn(cursor.lsn),
    reader: cursor?.reader ?? null,
    seenAt: cursor?.seenAt ?? null,
  };
}
