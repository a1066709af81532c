import { type Observe, pause } from "@centralcloud/service";
import type { Pool } from "pg";
import { findSlot } from "../slot/capture-slot.ts";
import { heartbeatPrefix } from "../slot/start-options.ts";

/** How often, while something is written to the source's log. */
const heartbeatMs = 10_000;

/**
 * Writes a small message into the source's write-ahead log now and then, which comes out of the slot in its
 * place: so the slot advances also where the captured tables are quiet and others are busy, and the change
 * log knows up to which time it is complete. Nothing is written where nobody else writes. Tells how the slot
 * fares each time. Ends when the signal is aborted; a fault of the source is the reader's to meet.
 *
 * @param recordedUpTo the source's clock when the last change was made that is recorded.
 */
export async function beat(
  sourcePool: Pool,
  source: string,
  recordedUpTo: () => string | undefined,
  observe: Observe,
  signal: AbortSignal,
): Promise<void> {
  let last: string | null = null;
  while (!signal.aborted) {
    try {
      last = (await emit(sourcePool, last)) ?? last;
      const slot = await findSlot(sourcePool);
      if (slot !== undefined) {
        const { name, retainedBytes, lagBytes, walStatus, serverTime } = slot;
        const lagMs = Date.parse(serverTime) - Date.parse(recordedUpTo() ?? serverTime);
        const lagSeconds = Math.max(0, lagMs / 1000);
        const sizes = { retainedBytes, lagBytes, lagSeconds, walStatus };
        observe({ event: "capture-progress", source, slot: name, ...sizes });
      }
    } catch {
      // The stream breaks for the same reason, and says so.
    }
    await pause(heartbeatMs, signal);
  }
}

/** @returns where it ends in the log, or null where nothing was written since `last`. */
async function emit(source: Pool, last: string | null): Promise<string | null> {
  const { rows } = await source.query<{ isNew: boolean }>(
    `select $1::pg_lsn is null or pg_current_wal_insert_lsn() > $1 as "isNew"`,
    [last],
  );
  return rows[0]?.isNew ? emitHeartbeat(source) : null;
}

/** @returns where it ends in the log. */
export async function emitHeartbeat(source: Pool): Promise<string | null> {
  const { rows } = await source.query<{ lsn: string }>(
    `select pg_logical_emit_message(false, $1, to_char(
              clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text as lsn`,
    [heartbeatPrefix],
  );
  return rows[0]?.lsn ?? null;
}
