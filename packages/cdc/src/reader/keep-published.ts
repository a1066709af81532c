import { messageOf } from "@centralcloud/db";
import { isPublished, publish } from "../slot/publication.ts";
import type { SlotReaderOptions } from "./slot-reader-options.ts";

/**
 * Brings the publication up to date, whenever it is called: with the configuration, and with columns that
 * were added to a table of which some are left out. Nothing to do for wal2json, which needs none.
 *
 * A table that was dropped, or can't be captured any more, must not end the capture of the others: so where
 * there is a publication, failing to change it is only told.
 */
export function createPublisher({
  slot,
  source,
  sourcePool,
  tables,
  observe,
}: SlotReaderOptions): () => Promise<void> {
  let told: string | undefined;
  return async () => {
    if (slot.plugin !== "pgoutput") return;
    try {
      await publish(sourcePool, tables);
      told = undefined;
    } catch (error) {
      if (!(await isPublished(sourcePool))) throw error;
      const message = messageOf(error);
      if (message !== told) {
        observe({ event: "capture-publication-stale", source: source.name, error: message });
      }
      told = message;
    }
  };
}
