import type { ClientBase, Pool } from "pg";

/** One process that consumes. */
export interface Replica {
  /** A UUID, new for each process. */
  readonly id: string;
  readonly version: string;
  readonly host: string;
}

/** The session keys on a ring: from each key's id to its fingerprint. */
export type HeldKeys = Readonly<Record<string, string>>;

/** A replica that has said within a minute that it lives. */
export interface LiveReplica extends Replica {
  /** Null where it does not say: it is of an older version. */
  readonly heldKeys: HeldKeys | null;
  /** Whether it opens seals that name their session; an older version does not. */
  readonly opensBoundSeals: boolean;
}

export async function readLiveReplicas(
  central: Pick<ClientBase, "query">,
): Promise<readonly LiveReplica[]> {
  const { rows } = await central.query<LiveReplica>(
    `select c.id::text as id, c.version, c.host, c.held_keys as "heldKeys",
            c.opens_bound_seals as "opensBoundSeals"
       from central.consumers c
      where c.last_seen_at between clock_timestamp() - interval '1 minute'
                               and clock_timestamp() + interval '1 minute'
      order by c.host, c.id`,
  );
  return rows;
}

/** Those replicas that can't open what is sealed for a key, or do not say whether they can. */
export function lackingReplicas(
  replicas: readonly LiveReplica[],
  key: { readonly keyId: string; readonly fingerprint: string; readonly binds: boolean },
): readonly LiveReplica[] {
  return replicas.filter(
    ({ heldKeys, opensBoundSeals }) =>
      heldKeys?.[key.keyId] !== key.fingerprint || (key.binds && !opensBoundSeals),
  );
}

/**
 * Says that a replica lives. A small write, so it also tells whether the central store can be written to.
 *
 * @param heldKeys the session keys that it can open seals with.
 * @param timeoutMs rejects when the store has not answered by then.
 */
export async function reportReplica(
  central: Pool,
  { id, version, host }: Replica,
  heldKeys: HeldKeys,
  timeoutMs: number,
): Promise<void> {
  const query = {
    text: "select central.report_consumer(p_id => $1, p_version => $2, p_host => $3, p_held_keys => $4, p_opens_bound_seals => true)",
    values: [id, version, host, heldKeys],
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

export interface ReplicaCounts {
  /** They have said within a minute that they live. */
  readonly live: number;
  /** They said so within the hour, not within the minute, and not that they stop: they were killed, or are cut off. */
  readonly lost: number;
}

/** What is dated in the future was said before the clock was set back. */
export async function countReplicas(central: ClientBase): Promise<ReplicaCounts> {
  const { rows } = await central.query<ReplicaCounts>(
    `select count(*) filter (where c.last_seen_at between clock_timestamp() - interval '1 minute'
                                                      and clock_timestamp() + interval '1 minute')::integer as live,
            count(*) filter (where c.last_seen_at >= clock_timestamp() - interval '1 hour'
                               and c.last_seen_at < clock_timestamp() - interval '1 minute')::integer as lost
       from central.consumers c`,
  );
  return rows[0] ?? { live: 0, lost: 0 };
}
