import { randomBytes } from "node:crypto";
import { createPool, endPool } from "@centralcloud/postgres";
import type pg from "pg";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import { createDecoder } from "../decode/create-decoder.ts";
import type { Decoder } from "../decode/decoder.ts";
import { findSlot, type Plugin, type Slot } from "../slot/capture-slot.ts";
import { startOptions } from "../slot/start-options.ts";
import { createTableLookup } from "../slot/table-lookup.ts";
import { defaultChangeBytes } from "../stream/change-gauge.ts";
import { connectForReplication } from "../stream/replication-connection.ts";
import { openReplicationStream, type ReplicationStream } from "../stream/replication-stream.ts";

export interface TemporarySlotOptions {
  readonly url: string;
  readonly tables: CapturedTables;
  /** The source's name, for errors. */
  readonly name?: string;
  /** Bytes of one change; default: 16 MiB. */
  readonly maxChangeBytes?: number;
}

/** What is read from a slot of one's own, which is gone when the work is done, whatever happens. */
export interface TemporarySlot {
  readonly slot: Pick<Slot, "name" | "plugin">;
  /** That of the capture, where there is one: the server drops a temporary one when it fails to decode a change. */
  findLasting(): Promise<Slot | undefined>;
  readonly stream: ReplicationStream;
  readonly decoder: Decoder;
}

/**
 * Reads a temporary slot, so that nothing is taken from the one of the capture.
 *
 * @param make makes it, by the given name, and tells its plugin.
 */
export async function withTemporarySlot<Result>(
  { url, tables, maxChangeBytes = defaultChangeBytes }: TemporarySlotOptions,
  signal: AbortSignal,
  make: (client: pg.Client, name: string, source: Pool) => Promise<Plugin>,
  work: (slot: TemporarySlot) => Promise<Result>,
): Promise<Result> {
  const source = createPool(url, {
    applicationName: "centralcloud-cdc",
    max: 1,
    sessionFor: "change capture",
  });
  try {
    const client = await connectForReplication(url, signal);
    const cut = () => void client.end().catch(() => {});
    signal.addEventListener("abort", cut, { once: true });
    const slot = `centralcloud_${randomBytes(8).toString("hex")}`;
    const plugin = await make(client, slot, source)
      .catch(async (error: unknown) => {
        await client.end().catch(() => {});
        throw error;
      })
      .finally(() => signal.removeEventListener("abort", cut));
    const options = startOptions(plugin, tables);
    const input = { url, slot, options, client, maxChangeBytes };
    const stream = await openReplicationStream(input, signal);
    try {
      return await work({
        slot: { name: slot, plugin },
        findLasting: () => findSlot(source),
        stream,
        decoder: createDecoder(plugin, tables, createTableLookup(source)),
      });
    } finally {
      await stream.close(0);
    }
  } finally {
    await endPool(source, 1_000);
  }
}

/** Reads a temporary copy of a slot, from where that was confirmed: nothing is consumed, nobody disturbed. */
export function withSlotCopy<Result>(
  options: TemporarySlotOptions,
  slot: Pick<Slot, "name" | "plugin">,
  signal: AbortSignal,
  work: (copy: TemporarySlot) => Promise<Result>,
): Promise<Result> {
  return withTemporarySlot(options, signal, (client, name) => copySlot(client, slot, name), work);
}

/** @returns the plugin of both. */
export async function copySlot(
  client: pg.Client,
  { name, plugin }: Pick<Slot, "name" | "plugin">,
  copy: string,
): Promise<Plugin> {
  await client.query(`select pg_copy_logical_replication_slot('${name}', '${copy}', true)`);
  return plugin;
}
