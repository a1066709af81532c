import { randomBytes } from "node:crypto";
import { createPool, endPool } from "@centralcloud/db";
import type pg from "pg";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import { createDecoder, type Plugin } from "../decode/create-decoder.ts";
import type { Decoder } from "../decode/decoder.ts";
import { startOptions } from "../slot/start-options.ts";
import { createTableLookup } from "../slot/table-lookup.ts";
import { connectForReplication } from "../stream/replication-connection.ts";
import { openReplicationStream, type ReplicationStream } from "../stream/replication-stream.ts";

export interface TemporarySlotOptions {
  readonly url: string;
  readonly tables: CapturedTables;
}

/** What is read from a slot of one's own, which is gone when the work is done, whatever happens. */
export interface TemporarySlot {
  readonly stream: ReplicationStream;
  readonly decoder: Decoder;
}

/**
 * Reads a temporary slot, so that nothing is taken from the one of the capture.
 *
 * @param make makes it, by the given name, and tells its plugin.
 */
export async function withTemporarySlot<Result>(
  { url, tables }: TemporarySlotOptions,
  signal: AbortSignal,
  make: (client: pg.Client, name: string, source: Pool) => Promise<Plugin>,
  work: (slot: TemporarySlot) => Promise<Result>,
): Promise<Result> {
  const source = createPool(url, { applicationName: "centralcloud-cdc", max: 1 });
  try {
    const client = await connectForReplication(url);
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
    const stream = await openReplicationStream({ url, slot, options, client }, signal);
    try {
      return await work({
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
