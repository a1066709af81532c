import type { ClientBase, Pool } from "pg";
import type { Source } from "./source.ts";

/** How far a source has been captured. */
export interface CaptureCursor {
  readonly slotName: string;
  readonly plugin: string;
  /** Of the source's server. */
  readonly systemId: string;
  readonly timeline: number;
  /** Everything that was committed before this is in the change log. */
  readonly lsn: bigint;
  /** The clock of the source then. */
  readonly sourceTime: Date;
  /** When a reader last said that it lives. */
  readonly seenAt: Date;
  readonly reader: string;
}

/** How far a reader has come. */
export interface CaptureProgress {
  readonly lsn: bigint;
  readonly sourceTime: string;
  readonly timeline: number;
  readonly reader: string;
}

/** Where a capture begins. */
export interface CaptureBeginning extends CaptureProgress {
  readonly slotName: string;
  readonly plugin: string;
  readonly systemId: string;
  /** Why it begins anew, where something was missed. */
  readonly reason?: string;
}

/** Undefined where nothing is captured of the source. */
export async function readCaptureCursor(
  central: Pool | ClientBase,
  sourceId: string,
): Promise<CaptureCursor | undefined> {
  const { rows } = await central.query<Omit<CaptureCursor, "lsn"> & { lsn: string }>(
    `select c.slot_name as "slotName", c.plugin, c.system_id as "systemId", c.timeline, c.lsn,
            c.source_time as "sourceTime", c.seen_at as "seenAt", c.reader
       from central.capture_cursors c where c.source_id = $1`,
    [sourceId],
  );
  const [row] = rows;
  return row === undefined ? undefined : { ...row, lsn: BigInt(row.lsn) };
}

/** Begins to capture a source, or, where something was missed, begins anew and marks the gap. */
export async function beginCapture(
  central: Pool | ClientBase,
  source: Source,
  beginning: CaptureBeginning,
): Promise<void> {
  const { slotName, plugin, systemId, timeline, lsn, sourceTime, reader, reason } = beginning;
  await central.query(
    `select central.begin_capture(
       p_source_id => $1, p_source_name => $2, p_slot_name => $3, p_plugin => $4, p_system_id => $5,
       p_timeline => $6, p_lsn => $7, p_source_time => $8, p_reader => $9, p_reason => $10)`,
    [
      source.sourceId,
      source.name,
      slotName,
      plugin,
      systemId,
      timeline,
      lsn,
      sourceTime,
      reader,
      reason,
    ],
  );
}

/**
 * Enters changes into the change log, and with `progress` says how far it is complete.
 *
 * @param changes the JSON text of an array; see `central.record_changes`.
 * @returns how many were not there yet.
 */
export async function recordChanges(
  central: Pool | ClientBase,
  sourceId: string,
  changes: string,
  progress?: CaptureProgress,
): Promise<number> {
  const { rows } = await central.query<{ recorded: number }>({
    name: "record_changes",
    text: `select central.record_changes(
             p_source_id => $1, p_changes => $2, p_lsn => $3, p_source_time => $4, p_timeline => $5,
             p_reader => $6) as recorded`,
    values: [
      sourceId,
      changes,
      progress?.lsn,
      progress?.sourceTime,
      progress?.timeline,
      progress?.reader,
    ],
  });
  return rows[0]?.recorded ?? 0;
}

/** Says that the change log is complete up to there, though nothing was to be entered. */
export async function advanceCaptureCursor(
  central: Pool | ClientBase,
  sourceId: string,
  { lsn, sourceTime, timeline, reader }: CaptureProgress,
): Promise<void> {
  await central.query(
    `select central.advance_capture_cursor(
       p_source_id => $1, p_lsn => $2, p_source_time => $3, p_timeline => $4, p_reader => $5)`,
    [sourceId, lsn, sourceTime, timeline, reader],
  );
}

/** Marks the end of a capture. @returns whether anything was captured of the source. */
export async function endCapture(
  central: Pool | ClientBase,
  sourceId: string,
  reader: string,
  reason: string,
): Promise<boolean> {
  const { rows } = await central.query<{ ended: boolean }>(
    "select central.end_capture(p_source_id => $1, p_reader => $2, p_reason => $3) as ended",
    [sourceId, reader, reason],
  );
  return rows[0]?.ended ?? false;
}

/** Makes partitions ahead, and drops those of days that lie back further. @returns the names of the latter. */
export async function maintainChangeLog(
  central: Pool | ClientBase,
  keepDays: number,
): Promise<readonly string[]> {
  const { rows } = await central.query<{ dropped: string[] }>(
    "select central.maintain_change_log(p_keep_days => $1) as dropped",
    [keepDays],
  );
  return rows[0]?.dropped ?? [];
}
