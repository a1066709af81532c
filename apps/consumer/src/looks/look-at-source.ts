import { findSlot, type Slot } from "@centralcloud/cdc";
import { readSource, type Source } from "@centralcloud/db";
import {
  inShortTransaction,
  type OldestSnapshot,
  readOldestSnapshot,
  readTableStatistics,
  type TableStatistics,
} from "@centralcloud/postgres";
import { deadLetterQueueOf, QueueClient, type QueueDepth, queueTable } from "@centralcloud/queue";
import type { ClientBase } from "pg";
import { routes } from "../routes.ts";

export interface SourceSeen extends Source {
  /** Dead-letter queues included. */
  readonly queues: readonly QueueDepth[];
  readonly tables: readonly TableStatistics[];
  readonly oldestSnapshot: OldestSnapshot;
  /** Of the capture, also where nobody reads it. */
  readonly slot: Slot | undefined;
}

/** Up to this many messages of a queue are counted; beyond it, the server's estimate is taken. */
const countUpTo = 1_000;

const statementMs = 1_000;

const queues = routes.flatMap((queue) => [queue, deadLetterQueueOf(queue)]);

/** A dozen statements, none of which costs more the longer a queue is. */
export async function lookAtSource(connection: ClientBase): Promise<SourceSeen> {
  return await inShortTransaction(connection, statementMs, async (client) => {
    const source = await readSource(client);
    const pgmq = new QueueClient(client);
    const depths: QueueDepth[] = [];
    for (const queue of queues) depths.push(await pgmq.depth(queue, countUpTo));
    const tables = queues.map((queue) => queueTable(queue, "q"));
    return {
      ...source,
      queues: depths,
      tables: await readTableStatistics(client, tables),
      oldestSnapshot: await readOldestSnapshot(client),
      slot: await findSlot(client),
    };
  });
}
