import { countReplicas, type ReplicaCounts } from "@centralcloud/central";
import { contractFor, queueNames } from "@centralcloud/contracts";
import {
  inShortTransaction,
  type OldestSnapshot,
  readOldestSnapshot,
  readTableStatistics,
  type TableStatistics,
} from "@centralcloud/postgres";
import type { ClientBase } from "pg";

export interface CentralSeen {
  readonly tables: readonly TableStatistics[];
  readonly oldestSnapshot: OldestSnapshot;
  readonly replicas: ReplicaCounts;
}

const statementMs = 1_000;

/** What merges write to. */
const tables = [
  "processed_messages",
  ...queueNames.flatMap((queue) => contractFor(queue).tables),
].map((table) => `central.${table}`);

export async function lookAtCentral(connection: ClientBase): Promise<CentralSeen> {
  return await inShortTransaction(connection, statementMs, async (client) => ({
    tables: await readTableStatistics(client, tables),
    oldestSnapshot: await readOldestSnapshot(client),
    replicas: await countReplicas(client),
  }));
}
