import { readSource } from "@centralcloud/db";
import { formatLsn } from "@centralcloud/postgres";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import { beginCapture, recordChanges } from "../change-log.ts";
import { findSlot } from "../slot/capture-slot.ts";
import { type CreatedSlot, createSlot, type PluginChoice } from "../slot/create-slot.ts";
import { dropSlot } from "../slot/drop-slot.ts";
import { assertCapturable } from "../slot/publication.ts";
import { publicationIdOf } from "../slot/slot.ts";
import { connectForReplication, identifyServer } from "../stream/replication-connection.ts";
import { operator } from "./drop.ts";
import { readSnapshot } from "./snapshot.ts";

export interface RecreateOptions {
  readonly url: string;
  readonly source: Pool;
  readonly central: Pool;
  readonly tables: CapturedTables;
  readonly plugin: PluginChoice;
  /** Why; it is kept with the mark of the gap. */
  readonly reason: string;
  /** Called before anything is dropped: the database has to be the source that it says. */
  readonly claim?: () => Promise<void>;
  /** Told whom the new slot waits for. */
  onWaiting?(blockers: string): void;
  /** Told how many rows of the snapshot have been entered. */
  onRows?(rows: number): void;
}

export interface Recreated {
  readonly source: string;
  readonly slot: string;
  readonly plugin: string;
  readonly lsn: string;
  /** Rows of the fresh snapshot. */
  readonly rows: number;
}

/**
 * Begins a capture anew: drops the slot, makes another, and enters the gap and a snapshot of all captured
 * tables, as they were at the very moment at which the new slot begins, into the change log: in one
 * transaction. Where that fails, the new slot is dropped again, and the capture is as lost as before.
 *
 * @throws {CaptureStateError} while some process reads the slot.
 * @throws {TablesRefusedError} before anything is dropped.
 */
export async function recreateCapture(options: RecreateOptions): Promise<Recreated> {
  const { url, source, central, tables } = options;
  const identity = await readSource(source);
  const old = await findSlot(source);
  await assertCapturable(source, tables);
  await options.claim?.();
  if (old !== undefined) await dropSlot(source, old.name);
  const created = await createSlot(options);
  try {
    const server = await identify(url);
    const client = await central.connect();
    try {
      await client.query("begin");
      const made = await findSlot(source);
      const publicationId = made === undefined ? null : publicationIdOf(made);
      const { reason } = options;
      const progress = { lsn: created.lsn, ...server, reader: operator(), reason, publicationId };
      const { name: slotName, plugin, lsn } = created;
      let rows = 0;
      for await (const { changes, count, takenAt } of readSnapshot(url, created, tables)) {
        if (count === 0) {
          const beginning = { ...progress, slotName, plugin, sourceTime: takenAt };
          await beginCapture(client, identity, beginning);
        } else {
          await recordChanges(client, identity.sourceId, changes);
          rows += count;
          options.onRows?.(rows);
        }
      }
      await client.query("commit");
      client.release();
      return { source: identity.name, slot: slotName, plugin, lsn: formatLsn(lsn), rows };
    } catch (error) {
      client.release(true);
      throw error;
    }
  } catch (error) {
    await dropSlot(source, created.name).catch(() => {});
    throw error;
  } finally {
    await endSnapshot(created);
  }
}

async function identify(url: string) {
  const client = await connectForReplication(url);
  return identifyServer(client).finally(() => client.end());
}

async function endSnapshot({ client }: CreatedSlot): Promise<void> {
  await client.end().catch(() => {});
}
