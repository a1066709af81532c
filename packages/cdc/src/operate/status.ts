import { judgeSource } from "@centralcloud/central";
import { identifySource, type Source } from "@centralcloud/db";
import type { Blocker } from "@centralcloud/postgres";
import { formatLsn } from "@centralcloud/postgres";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import { type CaptureCursor, readCaptureCursor } from "../change-log.ts";
import { findLoss, findSlot, type LogOrigin, type Slot } from "../slot/capture-slot.ts";
import { examineTables } from "../slot/publication.ts";

/**
 * - `off`: nothing is captured.
 * - `waiting`: the slot is being made, and waits for transactions that are open.
 * - `reading`: some process reads the slot.
 * - `unread`: there is a slot, and nobody reads it; the server keeps what it has yet to give.
 * - `lost`: changes are missing; `recreate` begins anew.
 * - `refused`: the database's id is another's, and nothing of it is captured until an operator decides.
 */
export type CaptureState = "off" | "waiting" | "reading" | "unread" | "lost" | "refused";

export interface CaptureStatus {
  readonly source: string;
  readonly sourceId: string;
  readonly state: CaptureState;
  /** Why, where it is lost or refused. */
  readonly reason: string | null;
  /** What keeps the reader from continuing, such as a change that can't be decoded. */
  readonly fault: string | null;
  /** For whom, where it waits. */
  readonly waitsFor: readonly Blocker[] | null;
  /** Tables whose changes are not captured, because they can't be. */
  readonly refused: readonly { readonly table: string; readonly problem: string }[];
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

/** What a source itself tells of its capture. */
export interface SlotReading {
  readonly identity: Awaited<ReturnType<typeof identifySource>>;
  readonly slot: Slot | undefined;
}

export async function readSlot(source: Pool): Promise<SlotReading> {
  return { identity: await identifySource(source), slot: await findSlot(source) };
}

/**
 * What the central store adds to what a source has told of its capture.
 *
 * @param address of the source: where it is given, the store is asked whose its id is.
 */
export async function completeStatus(
  { identity, slot }: SlotReading,
  central: Pool,
  address?: string,
): Promise<CaptureStatus> {
  const judged =
    address === undefined ? undefined : await judgeSource(central, identity, { address });
  if (judged !== undefined && judged.state !== "ok") {
    // How far the one is captured that has the id says nothing of this one.
    const status = describeCapture(identity, slot, undefined);
    return { ...status, state: "refused", reason: judged.reason };
  }
  const cursor = await readCaptureCursor(central, identity.sourceId);
  return describeCapture(identity, slot, cursor, identity.server);
}

/**
 * @param tables what should be captured, where that is known: some may be refused.
 * @param address host, port and database: where it is given, the central store is asked whose its id is.
 */
export async function readCaptureStatus(
  source: Pool,
  central: Pool,
  tables?: CapturedTables,
  address?: string,
): Promise<CaptureStatus> {
  const status = await completeStatus(await readSlot(source), central, address);
  if (status.state === "refused") return status;
  if (tables === undefined || status.state === "off") return status;
  const examined = await examineTables(source, tables);
  const refused = examined.flatMap(({ name, problem }) =>
    problem === null ? [] : [{ table: name, problem }],
  );
  return { ...status, refused };
}

/** @param cursor undefined also where it is not known: then only the slot itself can tell that it is lost. */
export function describeCapture(
  { name, sourceId }: Source,
  slot: Slot | undefined,
  cursor: CaptureCursor | undefined,
  server?: LogOrigin,
): CaptureStatus {
  const loss = findLoss(slot, cursor, server);
  const lagMs =
    slot === undefined || cursor === undefined
      ? null
      : Math.max(0, Date.parse(slot.serverTime) - cursor.sourceTime.getTime());
  return {
    source: name,
    sourceId,
    state: stateOf(slot, loss),
    reason: loss ?? null,
    fault: cursor?.fault ?? null,
    waitsFor: slot?.waitsFor ?? null,
    refused: [],
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

function stateOf(slot: Slot | undefined, loss: string | undefined): CaptureState {
  if (slot !== undefined && slot.waitsFor !== null) return "waiting";
  if (loss !== undefined) return "lost";
  if (slot === undefined) return "off";
  return slot.active ? "reading" : "unread";
}
