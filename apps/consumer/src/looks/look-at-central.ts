import {
  countLiveReplicas,
  inShortTransaction,
  type OldestSnapshot,
  readOldestSnapshot,
  readTableStatistics,
  type TableStatistics,
} from "@centralcloud/db";
import type { Pool } from "pg";

export interface CentralSeen {
  readonly tables: readonly TableStatistics[];
  readonly oldestSnapshot: OldestSnapshot;
  /** Consumers that live. */
  readonly replicas: number;
}

const statementMs = 1_000;

/** What merges write to. */
const tables = [
  "central.processed_messages",
  "central.patterns",
  "central.pattern_agents",
  "central.agent_sessions",
  "central.agent_knowledge",
  "central.knowledge_summaries",
];

export async function lookAtCentral(pool: Pool): Promise<CentralSeen> {
  return await inShortTransaction(pool, statementMs, async (client) => ({
    tables: await readTableStatistics(client, tables),
    oldestSnapshot: await readOldestSnapshot(client),
    replicas: await countLiveReplicas(client),
  }));
}
