import { createCapturedTables } from "../captured-tables.ts";
import { failedAt } from "../errors.ts";
import { withSlotCopy } from "../operate/temporary-slot.ts";
import type { SlotReaderOptions } from "./slot-reader-options.ts";

const longestWaitMs = 1_000;

/**
 * Which captured table the change is of that the server can't decode, where its output plugin says nothing
 * before it: each table is read alone, from a copy of the slot, until one fails at the same place. Undefined
 * where none does, or a copy can't be made.
 *
 * @param lsn where the server failed.
 * @param untilLsn the commit of its transaction: what comes behind it is not looked at.
 */
export async function findUndecodableTable(
  {
    url,
    slot,
    tables,
    maxChangeBytes,
  }: Pick<SlotReaderOptions, "url" | "slot" | "tables" | "maxChangeBytes">,
  lsn: string,
  untilLsn: bigint,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const name of tables.names) {
    const alone = { url, tables: createCapturedTables([name], tables.leftOut), maxChangeBytes };
    try {
      await withSlotCopy(alone, slot, signal, async ({ stream, decoder }) => {
        while (!signal.aborted) {
          const frame = stream.read();
          if (frame === undefined) await stream.wait(longestWaitMs, signal);
          else if (frame.kind === "data") {
            for (const event of await decoder.decode(frame.payload)) {
              if (event.kind === "commit" && event.endLsn > untilLsn) return;
            }
          } else if (frame.walEnd > untilLsn) return;
        }
      });
    } catch (error) {
      if (failedAt(error) === lsn) return name;
      if (failedAt(error) === undefined) return undefined;
    }
  }
  return undefined;
}
