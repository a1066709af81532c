import type { Pool } from "pg";

/** A queue of a Singularity database. */
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

/**
 * Every queue of the database, dead-letter queues included, by name. Counts each queue's rows. Ages are those of
 * messages with a time that can be subtracted: `pgmq.metrics_all` fails for all queues where one message was sent
 * before Christ, or at infinity.
 */
export async function queueStatus(singularity: Pool): Promise<readonly QueueStatus[]> {
  const { rows: queues } = await singularity.query<{ name: string; table: string }>(
    `select m.queue_name as name, format('pgmq.%I', 'q_' || lower(m.queue_name)) as "table"
       from pgmq.meta m order by m.queue_name`,
  );
  const all: QueueStatus[] = [];
  for (const { name, table } of queues) {
    const { rows } = await singularity.query<QueueStatus>(
      `select $1::text as queue, count(*)::integer as total,
              count(*) filter (where q.vt <= clock_timestamp())::integer as available,
              ${ageOf("min")} as "oldestAgeSeconds", ${ageOf("max")} as "newestAgeSeconds",
              coalesce(pg_sequence_last_value(pg_get_serial_sequence($2, 'msg_id')::regclass), 0)::double precision
                as "sentEver"
         from ${table} q`,
      [name, table],
    );
    all.push(...rows);
  }
  return all;
}

/** Whole seconds since the first or last message was sent. */
function ageOf(which: "min" | "max"): string {
  const sentAt = `${which}(q.enqueued_at) filter (where isfinite(q.enqueued_at))`;
  return `floor(extract(epoch from clock_timestamp()) - extract(epoch from ${sentAt}))::double precision`;
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
