import { parseLsn } from "@centralcloud/postgres";
import type { Change } from "../change.ts";
import { CaptureStateError } from "../errors.ts";
import { findSlot } from "../slot/capture-slot.ts";
import { assertNotLost } from "../slot/slot.ts";
import { type ChangeFilter, matches } from "./change-filter.ts";
import { readChanges } from "./read-changes.ts";
import { copySlot, type TemporarySlotOptions, withTemporarySlot } from "./temporary-slot.ts";

export interface PeekOptions extends ChangeFilter {
  /** How many changes at most; default 100. */
  readonly limit?: number;
}

const defaultLimit = 100;

/**
 * Changes that were committed and are not in the change log yet, oldest first. It only looks: it reads a
 * temporary copy of the slot, so nothing is consumed, and a reader that is at work is not disturbed.
 *
 * @throws {CaptureStateError} when there is no slot.
 * @throws {SlotLostError}
 */
export function getCdcChanges(
  options: TemporarySlotOptions,
  { limit = defaultLimit, ...filter }: PeekOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly Change[]> {
  let untilLsn = 0n;
  return withTemporarySlot(
    options,
    signal,
    async (client, name, source) => {
      const slot = await findSlot(source);
      if (slot === undefined) {
        throw new CaptureStateError("nothing is captured of this database: it has no slot");
      }
      assertNotLost(slot, undefined);
      const { rows } = await source.query<{ lsn: string }>(
        "select pg_current_wal_flush_lsn()::text as lsn",
      );
      untilLsn = parseLsn(rows[0]?.lsn ?? "0/0");
      return copySlot(client, slot, name);
    },
    async (temporary) => {
      const changes: Change[] = [];
      for await (const change of readChanges(options, temporary, signal, untilLsn)) {
        if (!matches(change, filter)) continue;
        if (changes.length >= limit) break;
        changes.push(change);
      }
      return changes.slice(0, limit);
    },
  );
}
