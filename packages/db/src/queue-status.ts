import type { Pool } from "pg";

/** A queue of a Singularity database, as `pgmq.metrics` counts it. */
export interface QueueStatus {
  readonly queue: string;
  readonly total: number;
  /** Visible now; the others are in flight, or sent with a delay. */
  readonly available: number;
  /** Null when the queue is empty. */
  readonly oldestAgeSeconds: number | null;
  readonly newestAgeSeconds: number | null;
  /** Messages ever sent. */
  readonly sentEver: number;
}

/** Every queue of the database, dead-letter queues included, by name. Counts each queue's rows. */
export async function queueStatus(singularity: Pool): Promise<readonly QueueStatus[]> {
  const { rows } = await singularity.query<QueueStatus>(
    `select m.queue_name as queue, m.queue_length::integer as total,
            m.queue_visible_length::integer as available,
            m.oldest_msg_age_sec as "oldestAgeSeconds", m.newest_msg_age_sec as "newestAgeSeconds",
            m.total_messages::double precision as "sentEver"
       from pgmq.metrics_all() m
      order by m.queue_name`,
  );
  return rows;
}

export interface BacklogLimits {
  /** Messages that may wait; default 10,000. */
  readonly messages?: number;
  /** How old the oldest may be, in seconds; default 600. */
  readonly ageSeconds?: number;
}

/**
 * Whether learned patterns pile up on their queue: more of them, or older ones, than there should be.
 * CentralCloud does not consume them, or not fast enough.
 */
export async function learningQueueBackedUp(
  singularity: Pool,
  { messages = 10_000, ageSeconds = 600 }: BacklogLimits = {},
): Promise<boolean> {
  const queues = await queueStatus(singularity);
  const patterns = queues.find(({ queue }) => queue === "centralcloud-new-patterns");
  if (patterns === undefined) return false;
  return patterns.total > messages || (patterns.oldestAgeSeconds ?? 0) > ageSeconds;
}
