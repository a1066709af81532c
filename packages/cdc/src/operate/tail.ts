import type pg from "pg";
import type { Change } from "../change.ts";
import { CaptureStateError } from "../errors.ts";
import { captureName, findSlot, type Plugin } from "../slot/capture-slot.ts";
import { type PluginChoice, whileWaiting } from "../slot/create-slot.ts";
import { isPublished } from "../slot/publication.ts";
import { type ChangeFilter, matches } from "./change-filter.ts";
import { readChanges } from "./read-changes.ts";
import { type TemporarySlotOptions, withTemporarySlot } from "./temporary-slot.ts";

export interface TailOptions extends TemporarySlotOptions {
  readonly plugin: PluginChoice;
  readonly filter: ChangeFilter;
  /** Told whom the slot waits for, before anything is followed. */
  onWaiting?(blockers: string): void;
  /** Called once changes are followed: what is committed from now on is shown. */
  onReady?(): void;
  /** Waited for before the next change is read. */
  onChange(change: Change): void | Promise<void>;
}

/**
 * Follows what is committed from now on, by a slot of its own that vanishes with it: so it shows changes
 * whether or not a capture runs, and takes nothing from it. Ends when the signal is aborted.
 */
export async function tail(options: TailOptions, signal: AbortSignal): Promise<void> {
  const { filter, onChange, onReady } = options;
  await withTemporarySlot(
    options,
    signal,
    async (client, name, source) => {
      const slot = await findSlot(source);
      const creating = createTemporary(client, name, slot?.plugin ?? options.plugin);
      const plugin = await whileWaiting(client, { ...options, source }, creating);
      if (plugin === "pgoutput" && !(await isPublished(source))) {
        throw new CaptureStateError(
          `the publication ${captureName} is missing; it is made when a capture first runs`,
        );
      }
      return plugin;
    },
    async (temporary) => {
      onReady?.();
      for await (const change of readChanges(options, temporary, signal)) {
        if (matches(change, filter)) await onChange(change);
      }
    },
  ).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function createTemporary(
  client: pg.Client,
  name: string,
  choice: PluginChoice,
): Promise<Plugin> {
  const create = (plugin: Plugin) =>
    client.query(
      `CREATE_REPLICATION_SLOT "${name}" TEMPORARY LOGICAL "${plugin}" (SNAPSHOT 'nothing')`,
    );
  if (choice !== "pgoutput") {
    try {
      await create("wal2json");
      return "wal2json";
    } catch (error) {
      if (choice === "wal2json") throw error;
    }
  }
  await create("pgoutput");
  return "pgoutput";
}
