import { messageOf, parseLsn } from "@centralcloud/postgres";
import { pause } from "@centralcloud/service";
import { markCaptureGap, readCaptureCursor } from "../change-log.ts";
import { centrally } from "../errors.ts";
import { findSlot } from "../slot/capture-slot.ts";
import { type ExaminedTable, examineTables, publish } from "../slot/publication.ts";
import { assertNotLost } from "../slot/slot.ts";
import type { SlotReaderOptions } from "./slot-reader-options.ts";

/** How often the captured tables are looked at while somebody writes, and at most how long nobody does. */
const activeMs = 1_000;
const quietMs = 30_000;

/** Looks whether the captured tables can still be captured. */
export interface TableWatch {
  /** Why a table can't be captured, by its name in the change log. Its changes are not recorded. */
  readonly refused: ReadonlyMap<string, string>;
  /** @throws {SlotLostError} when the publication that the slot was made for is gone. */
  look(): Promise<void>;
  /** Looks again and again until the signal is aborted. @param place how far the source's log has come. */
  run(place: () => bigint | undefined, signal: AbortSignal): Promise<void>;
}

/** Where the source's log ends, and its clock. */
interface Moment {
  readonly lsn: bigint;
  readonly time: string;
}

/**
 * Follows what happens to the captured tables: with the configuration, and with columns that were added to a
 * table of which some are left out, the publication is brought up to date. A table that can't be captured any
 * more is taken out before an update of it fails, where that can be, and is said; so is one that comes back,
 * or was replaced by another of its name. What is missing because of it is marked in the change log.
 *
 * None of this must end the capture of the others: so failing to change the publication is only told.
 *
 * @param readUpTo everything that was committed before this has been read. What comes later of a table that is
 *   refused now is left out, also where it was committed before the table became so.
 */
export function createTableWatch(options: SlotReaderOptions, readUpTo: () => bigint): TableWatch {
  const { slot, source, sourcePool, central, tables, reader, observe } = options;
  const refused = new Map<string, string>();
  let told: string | undefined;
  /** Everything that is published was given from here on. */
  let before: Moment | undefined;

  async function look(): Promise<void> {
    const now = await readMoment();
    const examined = await bringUpToDate();
    if (examined === undefined) return;
    for (const table of examined) await settle(table);
    before = now;
  }

  /** Undefined where that did not work. */
  async function bringUpToDate(): Promise<readonly ExaminedTable[] | undefined> {
    if (slot.plugin !== "pgoutput") return examineTables(sourcePool, tables);
    // A publication that is made anew would not give what was committed while there was none.
    const found = (await findSlot(sourcePool)) ?? slot;
    if (found.publicationId !== slot.publicationId) {
      assertNotLost(found, await centrally(() => readCaptureCursor(central, source.sourceId)));
    }
    try {
      const examined = await publish(sourcePool, tables, false);
      told = undefined;
      return examined;
    } catch (error) {
      const message = messageOf(error);
      if (message !== told) {
        observe({ event: "capture-publication-stale", source: source.name, error: message });
      }
      told = message;
      return undefined;
    }
  }

  async function settle({ name, problem, change }: ExaminedTable): Promise<void> {
    const was = refused.get(name);
    if (problem !== null) {
      if (problem === was) return;
      refused.set(name, problem);
      observe({ event: "capture-table-refused", source: source.name, table: name, error: problem });
      if (was === undefined) await mark(name, `it can't be captured: ${problem}`, readUpTo());
      return;
    }
    refused.delete(name);
    if (change !== "added" && was === undefined) return;
    observe({ event: "capture-table-added", source: source.name, table: name });
    const reason = was ?? "it was not published";
    await mark(name, `what was written to it before is missing: ${reason}`, before?.lsn);
  }

  /** @param from where the gap began; undefined where that is not known. */
  async function mark(table: string, reason: string, from: bigint | undefined): Promise<void> {
    const { lsn, time } = await readMoment();
    const gap = { table, lsn, time, reason, reader, ...(from === undefined ? {} : { from }) };
    await centrally(() => markCaptureGap(central, source.sourceId, gap));
  }

  async function readMoment(): Promise<Moment> {
    const { rows } = await sourcePool.query<{ lsn: string; time: string }>(
      `select pg_current_wal_insert_lsn()::text as lsn,
              to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time`,
    );
    const [row] = rows;
    if (row === undefined) throw new Error("the source did not say where its log ends");
    return { lsn: parseLsn(row.lsn), time: row.time };
  }

  async function run(place: () => bigint | undefined, signal: AbortSignal): Promise<void> {
    let lookedAt = performance.now();
    let seen = place();
    while (!signal.aborted) {
      await pause(activeMs, signal);
      // A table changes only where something is written.
      const isQuiet = place() === seen && performance.now() - lookedAt < quietMs;
      if (signal.aborted || isQuiet) continue;
      seen = place();
      lookedAt = performance.now();
      await look();
    }
  }

  return { refused, look, run };
}
