import { isInstant, ServerFactsError } from "@centralcloud/db";
import { type Blocker, blockersOf, formatLsn, parseLsn } from "@centralcloud/postgres";
import { shellWord } from "@centralcloud/service";
import type { ClientBase, Pool } from "pg";
import type { CaptureCursor } from "../change-log.ts";

/** How the names of our slots begin, and the name of the publication. */
export const captureName = "singularity_centralcloud_cdc";

/** The command that begins a lost capture anew. @param source its name, where it is known. */
export function recreateCommand(source?: string): string {
  const choice = source === undefined ? "" : ` --source ${shellWord(source)}`;
  return `centralcloud cdc recreate${choice} --reason …`;
}

/** The output plugins that are understood. */
export const plugins = ["wal2json", "pgoutput"] as const;
export type Plugin = (typeof plugins)[number];

/** The slot of a database, as its server tells. */
export interface Slot {
  readonly name: string;
  readonly plugin: Plugin;
  /** Whether some process reads it now. */
  readonly active: boolean;
  /** Everything before this was confirmed; it is never given again. */
  readonly confirmed: bigint;
  /** reserved, extended (beyond max_wal_size), unreserved (about to go) or lost. */
  readonly walStatus: string;
  /** Bytes of write-ahead log that the server keeps because of it. */
  readonly retainedBytes: number;
  /** Bytes of write-ahead log that were written since `confirmed`. */
  readonly lagBytes: number;
  /** Bytes that may be written until it is lost; null where nothing limits what is kept. */
  readonly safeBytes: number | null;
  /** The object identifier of the publication that pgoutput reads by; null where there is none. */
  readonly publicationId: number | null;
  /** While the slot is being made: for whom, as far as the server tells. Null once it can be read. */
  readonly waitsFor: readonly Blocker[] | null;
  /** The server's clock, in ISO 8601. */
  readonly serverTime: string;
}

/**
 * The slot of this database. It is known by how its name begins and by its database, not by the rest of the
 * name: that was the database's name when the slot was made, and a database can be renamed.
 */
export async function findSlot(source: Pool | ClientBase): Promise<Slot | undefined> {
  const { rows } = await source.query<
    Omit<Slot, "confirmed" | "plugin"> & { confirmed: string | null; plugin: string }
  >(
    `select s.slot_name as name, s.plugin, s.active, s.confirmed_flush_lsn::text as confirmed,
            coalesce(s.wal_status, 'lost') as "walStatus",
            coalesce(pg_wal_lsn_diff(w.lsn, s.restart_lsn), 0)::float8 as "retainedBytes",
            coalesce(greatest(pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn), 0), 0)::float8 as "lagBytes",
            s.safe_wal_size::float8 as "safeBytes",
            case when s.confirmed_flush_lsn is null and s.active_pid is not null
                 then ${blockersOf("s.active_pid")} end as "waitsFor",
            (select p.oid::bigint::float8 from pg_publication p where p.pubname = $1) as "publicationId",
            to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "serverTime"
       from pg_replication_slots s
      cross join (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                              else pg_current_wal_lsn() end as lsn) w
      where s.database = current_database() and s.slot_type = 'logical' and not s.temporary
        and starts_with(s.slot_name, $1)
      order by s.slot_name <> $1, s.slot_name
      limit 1`,
    [captureName],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const plugin = plugins.find((known) => known === row.plugin);
  if (plugin === undefined) {
    throw new Error(
      `the slot ${row.name} has an output plugin that is not known here: ${row.plugin}`,
    );
  }
  if (!isInstant(row.serverTime)) throw new ServerFactsError();
  return { ...row, plugin, confirmed: parseLsn(row.confirmed ?? "0/0") };
}

/** Whose write-ahead log it is. */
export interface LogOrigin {
  /** Null where the server does not tell it. */
  readonly systemId: string | null;
  readonly timeline: number | null;
}

/**
 * Why changes are missing that no retry brings back, or undefined where nothing says so. The one rule for the
 * reader, `cdc status` and the doctor.
 *
 * @param slot read before the cursor, so that a reader that continues meanwhile does not look like a loss.
 * @param cursor undefined also where it is not known: then only the slot itself can tell.
 * @param server whose slot it is, where that is known.
 */
export function findLoss(
  slot: Slot | undefined,
  cursor: CaptureCursor | undefined,
  server?: LogOrigin,
): string | undefined {
  if (cursor !== undefined && server !== undefined) {
    // Places in the log of one server say nothing of those in another's, nor of those that a promotion has left behind.
    const { systemId, timeline } = server;
    if (systemId !== null && systemId !== cursor.systemId) {
      return `the change log continues in the write-ahead log of the server ${cursor.systemId}, and this is the server ${systemId}`;
    }
    if (timeline !== null && timeline < cursor.timeline) {
      return `the change log continues in timeline ${cursor.timeline}, and this server is at timeline ${timeline}: an old primary, or a backup that was restored`;
    }
  }
  if (slot === undefined) {
    return cursor === undefined ? undefined : `the slot ${cursor.slotName} is gone`;
  }
  const { name, confirmed, publicationId } = slot;
  if (slot.walStatus === "lost") {
    return `the slot ${name} is lost: it kept more write-ahead log than max_slot_wal_keep_size allows, or was invalidated`;
  }
  if (slot.plugin === "pgoutput" && publicationId === null) {
    return `the publication ${captureName} was dropped, and the slot ${name} can't be read without it`;
  }
  if (cursor === undefined) return undefined;
  if (confirmed > cursor.lsn) {
    const missed = `from ${formatLsn(cursor.lsn)} to ${formatLsn(confirmed)}`;
    return `the slot ${name} gave what was committed ${missed}, and nobody recorded it`;
  }
  const isReplaced = cursor.publicationId !== null && publicationId !== cursor.publicationId;
  if (slot.plugin === "pgoutput" && isReplaced) {
    return `the publication ${captureName} was dropped and made anew, and the slot ${name} can't be read without the one before`;
  }
  return cursor.lostReason ?? undefined;
}
