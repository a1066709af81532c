import { pruneLedger } from "@centralcloud/central";
import type { QueueClient } from "@centralcloud/queue";
import type { Observe } from "@centralcloud/service";
import type { Pool } from "pg";
import type { RepeatingTask } from "./repeating-task.ts";
import { routes } from "./routes.ts";

export interface LedgerUpkeepOptions {
  readonly source: { readonly sourceId: string; readonly name: string };
  readonly queues: QueueClient;
  readonly central: Pool;
  readonly retentionHours: number;
  readonly observe: Observe;
}

const everyMs = 10 * 60_000;

/** Calls for one queue in one run, each bounded; more than can be merged between two runs. */
const maxCalls = 1_000;

/**
 * Forgets what the ledger need not know any more. The lowest live id is asked for before anything is
 * pruned, so a message that is sent or comes back meanwhile lies above it.
 */
export function ledgerUpkeep(options: LedgerUpkeepOptions): RepeatingTask {
  const { source, queues, central, retentionHours, observe } = options;
  const { sourceId } = source;
  return {
    name: `ledger of ${source.name}`,
    sourceId,
    // Replicas that were started together need not do it together.
    firstAfterMs: everyMs * Math.random(),
    everyMs,
    async run(signal) {
      for (const queue of routes) {
        const below = await queues.lowestLiveId(queue);
        let count = 0;
        for (let call = 0; call < maxCalls && !signal.aborted; call++) {
          const pruned = await pruneLedger(central, { sourceId, queue }, below, retentionHours);
          count += pruned;
          if (pruned === 0) break;
        }
        const event = "ledger-pruned";
        if (count > 0) observe({ event, source: source.name, sourceId, queue, count });
      }
    },
  };
}
