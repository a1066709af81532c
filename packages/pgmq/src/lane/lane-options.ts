import type { LaneName, Observe } from "@centralcloud/service";
import type { ClaimClient } from "../client/claim-client.ts";
import type { PgmqClient } from "../client/pgmq-client.ts";
import type { DatabaseBreakers } from "./gate.ts";
import type { LaneHandler } from "./handler.ts";
import type { IdleWatch } from "./idle-watch.ts";

export interface LaneOptions {
  readonly name: LaneName;
  readonly handler: LaneHandler;
  readonly source: PgmqClient;
  readonly claims: ClaimClient;
  /** Of the two databases; shared by all lanes that use them. */
  readonly breakers: DatabaseBreakers;
  readonly observe: Observe;
  /** Who gives messages up, as dead letters shall say. */
  readonly consumer?: string;
  /** Tells of the first message after idleness; without it, polling has to find it. */
  readonly idleWatch?: IdleWatch;
  /** Messages per read, 1 to 10,000; default 500. Fewer are read when they are large. */
  readonly batchSize?: number;
  /** The same while reads find as many as they ask for, from `batchSize`; default: the batch size. */
  readonly backlogBatchSize?: number;
  /** Batches in flight, from 1; one more is read ahead. Default 2. */
  readonly concurrency?: number;
  /** Lease of a read in seconds, from 1; default 30. Extended while work goes on. */
  readonly visibilityTimeoutS?: number;
  /** Failed attempts of one message before it is dead-lettered, from 1; default 5. */
  readonly maxAttempts?: number;
  /** Reads of one message before it is dead-lettered unmerged, from 1; default 20. */
  readonly maxDeliveries?: number;
  /** Longer messages (UTF-8 bytes of their JSON text) are dead-lettered as too-large; default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** Whether the producers' trace contexts are read, and told with each batch; default false. */
  readonly traceparents?: boolean;
}
