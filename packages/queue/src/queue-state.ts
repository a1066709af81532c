import { type Queryable, queueTable } from "./queue-table.ts";

/* What a queue holds: counts, ages, ids. Nothing here claims a message. */

/** How long a queue is, found out at a cost that its length does not change. */
export interface QueueDepth {
  readonly queue: string;
  /** Messages in it, visible or not. */
  readonly messages: number;
  /** Whether there are more than were counted, and `messages` is what the server's statistics say. */
  readonly isEstimate: boolean;
  /** Of the message with the lowest id; null when the queue is empty. */
  readonly oldestAgeSeconds: number | null;
}

export interface QueueMetrics {
  readonly queue: string;
  readonly total: number;
  /** Visible now. */
  readonly available: number;
  /** Claimed by a consumer, or sent with a delay. */
  readonly inFlight: number;
  /** Null when the queue is empty. */
  readonly oldestAgeSeconds: number | null;
}

/** Of several queues in one statement, in the order of the names. */
export async function readMetrics(
  db: Queryable,
  queues: readonly string[],
): Promise<readonly QueueMetrics[]> {
  // Not pgmq.metrics: a single message from before Christ or from infinity makes that fail.
  const age = ageSeconds("min(q.enqueued_at) filter (where isfinite(q.enqueued_at))");
  const statements = queues.map(
    (queue, place) =>
      `select ${place} as place, count(*) as total,
              count(*) filter (where q.vt <= clock_timestamp()) as available, floor(${age}) as age
         from ${queueTable(queue, "q")} q`,
  );
  const { rows } = await db.query<{
    place: number;
    total: string;
    available: string;
    age: number | null;
  }>(`${statements.join("\nunion all\n")}\norder by place`);
  return rows.map(({ place, total, available, age: oldestAgeSeconds }) => ({
    queue: queues[place] as string,
    total: Number(total),
    available: Number(available),
    inFlight: Number(total) - Number(available),
    oldestAgeSeconds,
  }));
}

/** See {@link QueueClient.insertedOf}. */
export async function countInserted(
  db: Queryable,
  queues: readonly string[],
): Promise<readonly number[]> {
  const { rows } = await db.query<{ inserted: number }>(
    `select coalesce(
              case when has_sequence_privilege(s.sequence, 'select, usage') then pg_sequence_last_value(s.sequence) end,
              pg_stat_get_tuples_inserted(q.name::regclass))::float8 as inserted
       from unnest($1::text[]) with ordinality as q (name, place)
      cross join lateral (select pg_get_serial_sequence(q.name, 'msg_id')::regclass::oid as sequence) s
      order by q.place`,
    [queues.map((queue) => queueTable(queue, "q"))],
  );
  return rows.map(({ inserted }) => inserted ?? 0);
}

/** See {@link QueueClient.depth}. */
export async function readDepth(
  db: Queryable,
  queue: string,
  countUpTo: number,
): Promise<QueueDepth> {
  const table = queueTable(queue, "q");
  const { rows } = await db.query<{
    counted: number;
    estimate: number | null;
    age: number | null;
  }>(
    `select (select count(*)::integer from (select from ${table} limit $2::integer + 1) q) as counted,
            pg_stat_get_live_tuples($1::regclass)::float8 as estimate,
            (select ${ageSeconds("q.enqueued_at")} from ${table} q order by q.msg_id limit 1) as age`,
    [table, countUpTo],
  );
  const { counted, estimate, age } = rows[0] as (typeof rows)[number];
  const isEstimate = counted > countUpTo;
  const messages = isEstimate ? Math.max(counted, estimate ?? 0) : counted;
  return { queue, messages, isEstimate, oldestAgeSeconds: age };
}

/** SQL: milliseconds until the next message of a queue is visible: 0 or less when one is, null when none ever will be. */
export function nextVisibleInMs(queue: string): string {
  // Infinite times are not subtracted: before PostgreSQL 17 that is an error.
  return `(select case when isfinite(n.vt) then (extract(epoch from n.vt - clock_timestamp()) * 1000)::float8
                       when n.vt < clock_timestamp() then 0
                       else null end
             from (select min(q.vt) as vt from ${queueTable(queue, "q")} q) n)`;
}

/** SQL: seconds since a time, as a float8; null where the time is infinite, since no clock shows that. */
function ageSeconds(time: string): string {
  return `case when isfinite(${time}) then extract(epoch from clock_timestamp() - ${time})::float8 end`;
}
