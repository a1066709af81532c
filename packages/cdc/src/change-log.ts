import type { Source } from "@centralcloud/db";
import type { ClientBase, Pool } from "pg";

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
  /** Of the publication that the slot depends on; null where it has none, or it is not known yet. */
  readonly publicationId: number | null;
  /** Why the rest of the slot can't be read, where only reading it told that. */
  readonly lostReason: string | null;
  /** What keeps the reader from continuing, until it has continued. */
  readonly fault: string | null;
}

/** How far a reader has come. */
export interface CaptureProgress {
  readonly lsn: bigint;
  readonly sourceTime: string;
  readonly timeline: number;
  readonly reader: string;
  /** Of the publication that the slot depends on. */
  readonly publicationId?: number | null;
}

/** Where a capture begins. */
export interface CaptureBeginning extends CaptureProgress {
  readonly slotName: string;
  readonly plugin: string;
  readonly systemId: string;
  /** Why it begins anew, where something was missed. */
  readonly reason?: string;
}

interface CursorRow extends Omit<CaptureCursor, "lsn" | "publicationId"> {
  readonly sourceId: string;
  readonly lsn: string;
  readonly publicationId: string | null;
}

/** Undefined where nothing is captured of the source. */
export async function readCaptureCursor(
  central: Pool | ClientBase,
  sourceId: string,
): Promise<CaptureCursor | undefined> {
  const { rows } = await central.query<CursorRow>(`${cursorQuery} where c.source_id = $1`, [
    sourceId,
  ]);
  return rows[0] && cursorOf(rows[0]);
}

/** Those of all sources, by id. */
export async function readCaptureCursors(
  central: Pool | ClientBase,
): Promise<ReadonlyMap<string, CaptureCursor>> {
  const { rows } = await central.query<CursorRow>(cursorQuery);
  return new Map(rows.map((row) => [row.sourceId, cursorOf(row)] as const));
}

const cursorQuery = `
  select c.source_id as "sourceId", c.slot_name as "slotName", c.plugin, c.system_id as "systemId", c.timeline, c.lsn,
         c.source_time as "sourceTime", c.seen_at as "seenAt", c.reader,
         c.publication_id as "publicationId", c.lost_reason as "lostReason", c.fault
    from central.capture_cursors c`;

function cursorOf({ sourceId: _, lsn, publicationId, ...rest }: CursorRow): CaptureCursor {
  return {
    ...rest,
    lsn: BigInt(lsn),
    publicationId: publicationId === null ? null : Number(publicationId),
  };
}

/** Begins to capture a source, or, where something was missed, begins anew and marks the gap. */
export async function beginCapture(
  central: Pool | ClientBase,
  source: Source,
  beginning: CaptureBeginning,
): Promise<void> {
  const { slotName, plugin, systemId, timeline, lsn, sourceTime, reader, reason, publicationId } =
    beginning;
  await central.query(
    `select central.begin_capture(
       p_source_id => $1, p_source_name => $2, p_slot_name => $3, p_plugin => $4, p_system_id => $5,
       p_timeline => $6, p_lsn => $7, p_source_time => $8, p_reader => $9, p_reason => $10,
       p_publication_id => $11)`,
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
      publicationId,
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
  { lsn, sourceTime, timeline, reader, publicationId }: CaptureProgress,
): Promise<void> {
  await central.query(
    `select central.advance_capture_cursor(
       p_source_id => $1, p_lsn => $2, p_source_time => $3, p_timeline => $4, p_reader => $5,
       p_publication_id => $6)`,
    [sourceId, lsn, sourceTime, timeline, reader, publicationId],
  );
}

/** Keeps why the rest of a source's slot can't be read, so that others know it, too. */
export async function reportCaptureLoss(
  central: Pool | ClientBase,
  sourceId: string,
  reason: string,
): Promise<void> {
  await central.query("select central.report_capture_loss(p_source_id => $1, p_reason => $2)", [
    sourceId,
    reason,
  ]);
}

/** Keeps what keeps a source's reader from continuing, so that an operator sees it. */
export async function reportCaptureFault(
  central: Pool | ClientBase,
  sourceId: string,
  fault: string,
): Promise<void> {
  await central.query("select central.report_capture_fault(p_source_id => $1, p_fault => $2)", [
    sourceId,
    fault,
  ]);
}

/** Changes of one table that are missing. */
export interface CaptureGap {
  readonly table: string;
  /** Where it began; left out where it begins at `lsn` and continues. */
  readonly from?: bigint;
  readonly lsn: bigint;
  /** The clock of the source then. */
  readonly time: string;
  readonly reason: string;
  readonly reader: string;
}

/** Marks in the change log that changes of a table are missing. */
export async function markCaptureGap(
  central: Pool | ClientBase,
  sourceId: string,
  { table, from, lsn, time, reason, reader }: CaptureGap,
): Promise<void> {
  await central.query(
    `select central.mark_capture_gap(
       p_source_id => $1, p_table => $2, p_from => $3, p_to => $4, p_at => $5, p_reason => $6, p_reader => $7)`,
    [sourceId, table, from, lsn, time, reason, reader],
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
