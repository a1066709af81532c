import { readSource } from "@centralcloud/db";
import { formatLsn, parseLsn } from "@centralcloud/postgres";
import { pause } from "@centralcloud/service";
import type { Pool } from "pg";
import { readCaptureCursor } from "../change-log.ts";
import { CaptureStateError, SlotLostError } from "../errors.ts";
import { emitHeartbeat } from "../reader/heartbeat.ts";
import { findLoss, findSlot, recreateCommand } from "../slot/capture-slot.ts";
import { type Comparison, compare, type Missing } from "./compare.ts";
import { comparedTables } from "./compared-queues.ts";
import { readLogged } from "./logged.ts";

export interface Reconciliation extends Comparison {
  readonly source: string;
  /** What happened before this was not compared. */
  readonly from: Date;
  /** Up to there the change log was read. */
  readonly untilLsn: string;
}

/** The change log has not come as far as the queues have. */
export class LogBehindError extends Error {
  readonly code = "change_log_behind";
  constructor(recorded: bigint, wanted: bigint) {
    super(
      `the change log is complete up to ${formatLsn(recorded)} and should be up to ${formatLsn(wanted)}; ` +
        "see `centralcloud cdc status`: does a capture run?",
    );
    this.name = "LogBehindError";
  }
}

/** A reader confirms at least this often, also when nothing happens. */
const timeoutMs = 30_000;
const pollMs = 200;
/** Queue archives are kept for 90 days. */
const oldestMs = 85 * 86_400_000;

/**
 * Compares the two ways from a source to the central store: what the change log says was learned or
 * persisted since its capture began (or began anew, after a gap) with what the queues delivered. What one
 * has and the other lacks is named.
 *
 * @param onRead is told how many entries of the change log were read since it was told last.
 * @throws {CaptureStateError} when nothing is captured of the source.
 * @throws {LogBehindError}
 * @throws {SlotLostError} when changes are missing.
 */
export async function reconcile(
  source: Pool,
  central: Pool,
  since?: Date,
  onRead?: (entries: number) => void,
): Promise<Reconciliation> {
  const { name, sourceId } = await readSource(source);
  const from = await findBeginning(central, sourceId, since);
  const look = async () => {
    const settledLsn = await markEnd(source);
    let untilLsn = 0n;
    const comparison = await compare(source, from, async function* () {
      // Whatever made a message that has been seen is in the log once that is complete up to here.
      untilLsn = await markEnd(source);
      await waitFor(source, central, sourceId, untilLsn);
      for await (const chunk of readLogged(central, { sourceId, from, settledLsn, untilLsn })) {
        onRead?.(chunk.length);
        yield chunk;
      }
    });
    return { source: name, from, untilLsn: formatLsn(untilLsn), ...comparison };
  };
  const first = await look();
  if (!first.missing.some(isGrave)) return first;
  // A transaction is in the write-ahead log a moment before others see it. What is missing twice, is.
  const again = new Set((await look()).missing.map(identify));
  return { ...first, missing: first.missing.filter((one) => again.has(identify(one))) };
}

/** Whether something is missing that does not come by waiting. */
export function isGrave({ where }: Missing): boolean {
  return where === "nowhere" || where === "not-stored";
}

function identify({ kind, id, at }: Missing): string {
  return `${kind} ${id} ${at}`;
}

async function findBeginning(central: Pool, sourceId: string, since?: Date): Promise<Date> {
  const { rows } = await central.query<{ began: Date | null; captured: boolean }>(
    `select max(c.committed_at) filter (
              where c.operation in ('begin', 'gap')
                -- Where only other tables have a gap, nothing is missing that is compared here.
                and coalesce(c.new_values ->> 'table' = any ($2::text[]), true)
            ) as began,
            exists (select from central.capture_cursors s where s.source_id = $1) as captured
       from central.change_log c
      where c.source_id = $1 and c.table_name = '*'`,
    [sourceId, comparedTables],
  );
  const [row] = rows;
  if (!row?.captured) throw new CaptureStateError("nothing is captured of this source");
  const times = [row.began, since, new Date(Date.now() - oldestMs)];
  return new Date(Math.max(...times.map((time) => time?.getTime() ?? 0)));
}

/** Where the write-ahead log ends now. The message behind it lets a reader say at once that it came so far. */
async function markEnd(source: Pool): Promise<bigint> {
  const { rows } = await source.query<{ lsn: string }>(
    "select pg_current_wal_insert_lsn()::text as lsn",
  );
  await emitHeartbeat(source);
  return parseLsn(rows[0]?.lsn ?? "0/0");
}

/** @throws {SlotLostError} when the change log does not come so far, because changes are missing. */
async function waitFor(source: Pool, central: Pool, sourceId: string, lsn: bigint): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const never = new AbortController().signal;
  for (;;) {
    const slot = await findSlot(source);
    const cursor = await readCaptureCursor(central, sourceId);
    if (cursor === undefined) throw new CaptureStateError("nothing is captured of this source");
    if (cursor.lsn >= lsn) return;
    const loss = findLoss(slot, cursor);
    if (loss !== undefined) {
      throw new SlotLostError(cursor.slotName, `${loss}; begin anew: ${recreateCommand()}`);
    }
    if (performance.now() > deadline) throw new LogBehindError(cursor.lsn, lsn);
    await pause(pollMs, never);
  }
}
