import pg from "pg";

/** A pool, or one client (to be part of a transaction). */
export type Queryable = Pick<pg.Pool, "query">;

/** A queue's name is not one that pgmq would make a table for. */
export class QueueNameError extends Error {
  readonly code = "queue_name_invalid";
  constructor(queue: string, reason: string) {
    super(`${JSON.stringify(queue)} can't be a queue's name: ${reason}`);
    this.name = "QueueNameError";
  }
}

/** The name of a queue's dead-letter queue. */
export function deadLetterQueueOf(queue: string): string {
  return `${queue}-dlq`;
}

/**
 * The table that pgmq keeps a queue (`q`) or its archive (`a`) in, quoted and qualified.
 * The rules are those of pgmq's `format_table_name` and `validate_queue_name`, unchanged since 1.5.
 *
 * @throws {QueueNameError}
 */
export function queueTable(queue: string, prefix: "q" | "a"): string {
  if (/[$;']|--/.test(queue)) throw new QueueNameError(queue, "it holds $, ;, ' or --");
  if (queue.length === 0 || queue.length > 47) {
    throw new QueueNameError(queue, "it must have 1 to 47 characters");
  }
  return `pgmq.${pg.escapeIdentifier(`${prefix}_${queue}`.toLowerCase())}`;
}
