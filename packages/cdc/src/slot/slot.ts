import type { ClientBase, Pool } from "pg";
import { type Plugin, plugins } from "../decode/create-decoder.ts";
import { SlotLostError } from "../errors.ts";
import { parseLsn } from "../lsn.ts";
import { captureName, slotNameFor } from "./slot-name.ts";

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
  /** The server's clock, in ISO 8601. */
  readonly serverTime: string;
}

/** The slot of this database: the one by the usual name, or the one by its own. */
export async function findSlot(source: Pool | ClientBase): Promise<Slot | undefined> {
  const { rows: databases } = await source.query<{ name: string }>(
    "select current_database() as name",
  );
  const names = [captureName, slotNameFor(databases[0]?.name ?? "")];
  const { rows } = await source.query<
    Omit<Slot, "confirmed" | "plugin"> & { confirmed: string | null; plugin: string }
  >(
    `select s.slot_name as name, s.plugin, s.active, s.confirmed_flush_lsn::text as confirmed,
            coalesce(s.wal_status, 'lost') as "walStatus",
            coalesce(pg_wal_lsn_diff(w.lsn, s.restart_lsn), 0)::float8 as "retainedBytes",
            greatest(pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn), 0)::float8 as "lagBytes",
            s.safe_wal_size::float8 as "safeBytes",
            to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "serverTime"
       from pg_replication_slots s
      cross join (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                              else pg_current_wal_lsn() end as lsn) w
      where s.database = current_database() and s.slot_type = 'logical' and not s.temporary
        and s.slot_name = any ($1)
      order by array_position($1, s.slot_name::text)`,
    [names],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const plugin = plugins.find((known) => known === row.plugin);
  if (plugin === undefined) {
    throw new Error(
      `the slot ${row.name} has an output plugin that is not known here: ${row.plugin}`,
    );
  }
  return { ...row, plugin, confirmed: parseLsn(row.confirmed ?? "0/0") };
}

/** @throws {SlotLostError} when the server has removed what the slot had yet to give. */
export function assertUsable(slot: Slot): void {
  if (slot.walStatus !== "lost") return;
  const why = "it kept more write-ahead log than max_slot_wal_keep_size allows, or was invalidated";
  throw new SlotLostError(slot.name, `the slot ${slot.name} is lost: ${why}`);
}
