import type { ClientBase, Pool } from "pg";

/** One process that consumes. */
export interface Replica {
  /** A UUID, new for each process. */
  readonly id: string;
  readonly version: string;
  readonly host: string;
}

/**
 * Says that a replica lives. A small write, so it also tells whether the central store can be written to.
 *
 * @param timeoutMs rejects when the store has not answered by then.
 */
export async function reportReplica(
  central: Pool,
  { id, version, host }: Replica,
  timeoutMs: number,
): Promise<void> {
  const query = {
    text: "select central.report_consumer(p_id => $1, p_version => $2, p_host => $3)",
    values: [id, version, host],
    query_timeout: timeoutMs,
  };
  await central.query(query);
}

/** Takes a replica that stops off the list. */
export async function retireReplica(central: Pool, { id }: Replica): Promise<void> {
  const query = {
    text: "select central.retire_consumer(p_id => $1)",
    values: [id],
    query_timeout: 1_000,
  };
  await central.query(query);
}

/** Replicas that have said within a minute that they live. */
export async function countLiveReplicas(central: ClientBase): Promise<number> {
  const { rows } = await central.query<{ count: number }>(
    `select count(*)::integer as count from central.consumers c
      where c.last_seen_at > clock_timestamp() - interval '1 minute'`,
  );
  return rows[0]?.count ?? 0;
}
