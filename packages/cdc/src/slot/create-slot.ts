import type pg from "pg";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import type { Plugin } from "../decode/create-decoder.ts";
import { CaptureStateError, codeOf } from "../errors.ts";
import { parseLsn } from "../lsn.ts";
import { connectForReplication } from "../stream/replication-connection.ts";
import { publish } from "./publication.ts";
import { findSlot } from "./slot.ts";
import { captureName, slotNameFor } from "./slot-name.ts";
import { startOptions } from "./start-options.ts";

/** `auto`: wal2json where the server has and allows it, else pgoutput. */
export type PluginChoice = Plugin | "auto";

export interface SlotWish {
  readonly url: string;
  readonly source: Pool;
  readonly tables: CapturedTables;
  readonly plugin: PluginChoice;
}

/** A slot that was just made, and with it a snapshot of the very moment at which it begins. */
export interface CreatedSlot {
  readonly name: string;
  readonly plugin: Plugin;
  readonly lsn: bigint;
  /** For `set transaction snapshot`, as long as `client` is open and does nothing else. */
  readonly snapshot: string;
  readonly client: pg.Client;
}

/** "ccsl" in ASCII: whoever holds this advisory lock of a source's database makes its slot. */
const advisoryLockKey = 0x63_63_73_6c;

/**
 * Makes the slot of a database, after the publication that it depends on. The caller closes its `client`.
 *
 * Waits until every transaction that is open has ended, as PostgreSQL must; the signal ends the wait.
 *
 * @throws {CaptureStateError} when there is one, or another process is making it.
 */
export async function createSlot(wish: SlotWish, signal?: AbortSignal): Promise<CreatedSlot> {
  const client = await connectForReplication(wish.url);
  // Cuts the statement that is under way.
  const abort = () => void client.end().catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await createAlone(client, wish);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Two that do it at once would make two slots, the second by the other name. */
async function createAlone(client: pg.Client, wish: SlotWish): Promise<CreatedSlot> {
  const locker = await wish.source.connect();
  try {
    const { rows } = await locker.query<{
      locked: boolean;
      database: string;
      version: number;
      standby: boolean;
    }>(
      `select pg_try_advisory_lock($1) as locked, current_database() as database,
              current_setting('server_version_num')::integer as version,
              pg_is_in_recovery() as standby`,
      [advisoryLockKey],
    );
    const [server] = rows;
    if (!server?.locked) throw new CaptureStateError("another process is making the slot");
    const existing = await findSlot(locker);
    if (existing !== undefined) {
      throw new CaptureStateError(`there is a slot already: ${existing.name}`);
    }
    // From 17 on, standbys that synchronize slots have it too, and it survives a failover.
    const canFailOver = server.version >= 170_000 && !server.standby;
    const options = canFailOver ? "SNAPSHOT 'export', FAILOVER" : "SNAPSHOT 'export'";
    const names = [captureName, slotNameFor(server.database)];
    return await createFirstPossible(client, wish, names, options);
  } finally {
    // With its connection the lock goes.
    locker.release(true);
  }
}

async function createFirstPossible(
  client: pg.Client,
  wish: SlotWish,
  names: readonly string[],
  options: string,
): Promise<CreatedSlot> {
  if (wish.plugin !== "pgoutput") {
    const created = await tryNames(client, names, "wal2json", options).catch((error: unknown) => {
      // Whatever keeps wal2json from being loaded here; the wish for it alone is answered with it.
      if (wish.plugin === "wal2json" || !isPluginFault(error)) throw error;
      return undefined;
    });
    if (created !== undefined) {
      if (await understands(wish, created)) return created;
      await client.query(`DROP_REPLICATION_SLOT "${created.name}"`);
      if (wish.plugin === "wal2json") throw new Error("wal2json is older than version 2.5");
    }
  }
  await publish(wish.source, wish.tables);
  return tryNames(client, names, "pgoutput", options);
}

/** 42710: the slot exists, and is that of another database. */
async function tryNames(
  client: pg.Client,
  names: readonly string[],
  plugin: Plugin,
  options: string,
): Promise<CreatedSlot> {
  for (const name of names) {
    try {
      const { rows } = await client.query<{ consistent_point: string; snapshot_name: string }>(
        `CREATE_REPLICATION_SLOT "${name}" LOGICAL "${plugin}" (${options})`,
      );
      const [row] = rows;
      if (row === undefined) throw new Error("CREATE_REPLICATION_SLOT gave no row");
      const { consistent_point, snapshot_name } = row;
      return { name, plugin, lsn: parseLsn(consistent_point), snapshot: snapshot_name, client };
    } catch (error) {
      if (codeOf(error) !== "42710" || name === names.at(-1)) throw error;
    }
  }
  throw new Error("no name was given");
}

/** 58P01: no such file. 42501: not allowed, as by output_plugin_libraries. 42883, 0A000: no plugin of ours. */
function isPluginFault(error: unknown): boolean {
  const message = error instanceof Error ? error.message : "";
  return /wal2json|output plugin/i.test(message) && !/^5[37]/.test(codeOf(error));
}

/** Whether this wal2json knows the options. Peeking takes nothing from the slot. */
async function understands({ source, tables }: SlotWish, { name }: CreatedSlot): Promise<boolean> {
  const options = Object.entries(startOptions("wal2json", tables)).flat();
  try {
    await source.query(
      "select 1 from pg_logical_slot_peek_changes($1, null, 1, variadic $2::text[])",
      [name, options],
    );
    return true;
  } catch (error) {
    if (codeOf(error) === "22023" || /option/i.test(String(error))) return false;
    throw error;
  }
}
