import { formatLsn } from "@centralcloud/postgres";
import { advanceCaptureCursor, beginCapture, readCaptureCursor } from "../change-log.ts";
import { centrally } from "../errors.ts";
import { findSlot } from "../slot/capture-slot.ts";
import { assertNotLost, publicationIdOf } from "../slot/slot.ts";
import type { ReplicationStream } from "../stream/replication-stream.ts";
import type { SlotReaderOptions } from "./slot-reader-options.ts";

/**
 * What a process does once it reads the slot, and so nobody else does: it compares how far the slot is with
 * how far the change log is. A slot that was confirmed further has given changes that nobody recorded.
 *
 * @returns what was committed before this is in the change log, and may be given once more.
 */
export async function claimSlot(
  options: SlotReaderOptions,
  stream: ReplicationStream,
): Promise<bigint> {
  const { source, sourcePool, central, reader, observe } = options;
  const slot = (await findSlot(sourcePool)) ?? options.slot;
  const { name, plugin, confirmed } = slot;
  const { systemId, timeline } = stream.server;
  const publicationId = publicationIdOf(slot);

  const cursor = await centrally(() => readCaptureCursor(central, source.sourceId));
  assertNotLost(slot, cursor, stream.server);
  await options.claim();
  await centrally(async () => {
    if (cursor === undefined) {
      const progress = {
        lsn: confirmed,
        sourceTime: slot.serverTime,
        timeline,
        reader,
        publicationId,
      };
      await beginCapture(central, source, { ...progress, slotName: name, plugin, systemId });
    } else {
      // Says who reads now.
      const { lsn, sourceTime } = cursor;
      const progress = {
        lsn,
        sourceTime: sourceTime.toISOString(),
        timeline,
        reader,
        publicationId,
      };
      await advanceCaptureCursor(central, source.sourceId, progress);
    }
  });
  const lsn = cursor?.lsn ?? confirmed;
  observe({
    event: "capture-reading",
    source: source.name,
    slot: name,
    plugin,
    lsn: formatLsn(lsn),
  });
  // On another timeline the same LSNs may stand for other changes; the key of the log tells them apart.
  return cursor?.timeline === timeline ? lsn : 0n;
}
