import type { LaneName, Observe } from "@centralcloud/service";
import type { PgmqClient } from "../client/pgmq-client.ts";
import type { LaneHandler } from "./handler.ts";

export interface LaneOptions {
  readonly name: LaneName;
  readonly handler: LaneHandler;
  readonly source: PgmqClient;
  readonly observe: Observe;
  /** Messages per read, 1 to 10,000; default 500. Fewer are read when they are large. */
  readonly batchSize?: number;
  /** Batches in flight, from 1; one more is read ahead. Default 2. */
  readonly concurrency?: number;
  /** Lease of a read in seconds, from 1; default 30. */
  readonly visibilityTimeoutS?: number;
  /** Reads of one message before it is dead-lettered unmerged, from 1; default 20. */
  readonly maxDeliveries?: number;
  /** Longer messages (UTF-8 bytes of their JSON text) are dead-lettered as too-large; default 1 MiB. */
  readonly maxMessageBytes?: number;
}
