import { queueTable } from "./queue-table.ts";

/** The lock that `notify_idle_consumers` on the source uses, too. */
const lockKey = (table: string) => `hashtextextended('centralcloud idle ${table}', 0)`;

/** What one look says of a queue. */
export interface QueueState {
  readonly queue: string;
  /** Until the next message is visible, in milliseconds: 0 or less when one is, null when none will be. */
  readonly ms: number | null;
  /** What became of the attempt to lock, where there was one. */
  readonly lock: "ours" | "senders" | "others" | null;
  /** Whether the server lets senders notify at all. */
  readonly notifies: boolean;
}

/**
 * One row a queue. Where a lock is tried and a message was sent since the statement began, it may be missed: whoever
 * gets the lock looks once more.
 */
export function lookStatement(
  queues: readonly string[],
  mayLock: (queue: string) => boolean,
): string {
  const rows = queues.map((queue) => {
    const key = lockKey(tableOf(queue));
    const lock = `case when pg_try_advisory_lock(${key}) then 'ours'
                       when pg_try_advisory_lock_shared(${key}) and pg_advisory_unlock_shared(${key}) then 'senders'
                       else 'others' end`;
    // Infinite times are not subtracted: before PostgreSQL 17 that is an error.
    return `select '${queue.replaceAll("'", "''")}' as queue,
                   (select case when isfinite(n.vt) then (extract(epoch from n.vt - clock_timestamp()) * 1000)::float8
                                when n.vt < clock_timestamp() then 0
                                else null end
                      from (select min(q.vt) as vt from ${queueTable(queue, "q")} q) n) as ms,
                   ${mayLock(queue) ? lock : "null"} as lock,
                   current_setting('max_prepared_transactions') = '0' as notifies`;
  });
  return rows.join("\nunion all\n");
}

/** Lets go of a queue's lock. */
export function unlockStatement(queue: string): string {
  return `select pg_advisory_unlock(${lockKey(tableOf(queue))})`;
}

/** The name of a queue's table, unquoted: what a notification says. */
export function tableOf(queue: string): string {
  return `q_${queue}`.toLowerCase();
}
