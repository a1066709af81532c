import { holdLock } from "@centralcloud/db";
import {
  describeBlockers,
  findBlockers,
  messageOf,
  parseLsn,
  whileWatched,
} from "@centralcloud/postgres";
import type pg from "pg";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import { CaptureStateError, codeOf, isOptionFault, PluginTooOldError } from "../errors.ts";
import { connectForReplication } from "../stream/replication-connection.ts";
import { captureName, findSlot, type Plugin } from "./capture-slot.ts";
import { dropSlot } from "./drop-slot.ts";
import { assertCapturable, publish } from "./publication.ts";
import { slotNameFor } from "./slot-name.ts";
import { startOptions } from "./start-options.ts";

/** `auto`: wal2json where the server has and allows it, else pgoutput. */
export type PluginChoice = Plugin | "auto";

export interface SlotWish {
  readonly url: string;
  readonly source: Pool;
  readonly tables: CapturedTables;
  readonly plugin: PluginChoice;
  /** Told whom the slot waits for, when that changes. */
  onWaiting?(blockers: string): void;
  /** Told why wal2json is not used, where `auto` tried it. */
  onFallback?(reason: string): void;
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

/**
 * Makes the slot of a database, after the publication that it depends on. The caller closes its `client`.
 *
 * Waits until every transaction that is open has ended, as PostgreSQL must; the signal ends the wait.
 *
 * @throws {CaptureStateError} when there is one, or another process is making it.
 * @throws {TablesRefusedError} before anything is made.
 */
export async function createSlot(wish: SlotWish, signal?: AbortSignal): Promise<CreatedSlot> {
  const client = await connectForReplication(wish.url, signal);
  // Cuts the statement that is under way.
  const abort = () => void client.end().catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await whileWaiting(client, wish, createAlone(client, wish));
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Tells whom the server waits for while it makes a slot on this connection: it may be for hours. */
export async function whileWaiting<Result>(
  client: pg.Client,
  { source, onWaiting }: Pick<SlotWish, "source" | "onWaiting">,
  making: Promise<Result>,
): Promise<Result> {
  if (onWaiting === undefined) return await making;
  const watch = {
    pid: processIdOf(client),
    ask: (pid: number) => findBlockers(source, pid),
    tell: (blockers: Parameters<typeof describeBlockers>[0]) =>
      onWaiting(describeBlockers(blockers)),
  };
  return await whileWatched(watch, making);
}

/** The types of pg leave it out. */
function processIdOf(client: pg.Client): number {
  return (client as pg.Client & { readonly processID: number | null }).processID ?? 0;
}

/** Two that do it at once would make two slots, the second by the other name. */
async function createAlone(client: pg.Client, wish: SlotWish): Promise<CreatedSlot> {
  const locker = await wish.source.connect();
  try {
    const holder = await holdLock(locker, "make slot");
    if (holder !== undefined) {
      throw new CaptureStateError(`another process is making the slot: ${holder}`);
    }
    const { rows } = await locker.query<{
      database: string;
      id: string;
      version: number;
      standby: boolean;
    }>(
      `select current_database() as database,
              (select d.oid::text from pg_database d where d.datname = current_database()) as id,
              current_setting('server_version_num')::integer as version,
              pg_is_in_recovery() as standby`,
    );
    const [server] = rows;
    if (server === undefined) throw new Error("the server said nothing of itself");
    const existing = await findSlot(locker);
    if (existing !== undefined) {
      throw new CaptureStateError(`there is a slot already: ${existing.name}`);
    }
    await assertCapturable(wish.source, wish.tables);
    // From 17 on, standbys that synchronize slots have it too, and it survives a failover.
    const canFailOver = server.version >= 170_000 && !server.standby;
    const options = canFailOver ? "SNAPSHOT 'export', FAILOVER" : "SNAPSHOT 'export'";
    // Another database may have been renamed since it made its slot by the name that is ours now.
    const names = [captureName, slotNameFor(server.database), `${captureName}_${server.id}`];
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
      wish.onFallback?.(`wal2json can't be used: ${messageOf(error)}`);
      return undefined;
    });
    if (created !== undefined) {
      const refusal = await findRefusal(wish, created.name);
      if (refusal === undefined) return created;
      // The server may hold it for a moment after it has refused.
      await dropSlot(wish.source, created.name);
      if (wish.plugin === "wal2json") throw new PluginTooOldError(refusal);
      wish.onFallback?.(`wal2json is too old: ${refusal}`);
    }
  }
  await publish(wish.source, wish.tables, true);
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

/**
 * What this wal2json says of the options that it is asked for, where it does not know them. Peeking takes
 * nothing from the slot.
 */
export async function findRefusal(
  { source, tables }: Pick<SlotWish, "source" | "tables">,
  slot: string,
): Promise<string | undefined> {
  const options = Object.entries(startOptions("wal2json", tables)).flat();
  try {
    await source.query(
      "select 1 from pg_logical_slot_peek_changes($1, null, 1, variadic $2::text[])",
      [slot, options],
    );
    return undefined;
  } catch (error) {
    if (isOptionFault(error)) return messageOf(error);
    throw error;
  }
}
