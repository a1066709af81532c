import { codeOf, sqlState } from "@centralcloud/postgres";
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

/**
 * Says what a replica's /readyz answers.
 *
 * @param readiness JSON text.
 * @returns whether the store takes it: one of the version before does not.
 */
export async function reportReadiness(
  central: Pool,
  { id }: Pick<Replica, "id">,
  readiness: string,
  timeoutMs: number,
): Promise<boolean> {
  const query = {
    text: "select central.report_readiness(p_id => $1, p_readiness => $2)",
    values: [id, readiness],
    query_timeout: timeoutMs,
  };
  try {
    await central.query(query);
    return true;
  } catch (error) {
    if (codeOf(error) !== sqlState.undefinedFunction) throw error;
    return false;
  }
}

/** A replica as an operator sees it. Times in UTC with microseconds. */
export interface ReplicaReport extends Replica {
  /** `live`: heard of within a minute. `lost`: not, and it did not say that it stops. */
  readonly state: "live" | "lost";
  readonly startedAt: string;
  readonly lastSeenAt: string;
  /** Null where it does not say, as those of older versions. */
  readonly heldKeys: HeldKeys | null;
  readonly opensBoundSeals: boolean;
  /** What its /readyz answered last; null where it has not said. */
  readonly readiness: ReadinessReport | null;
  readonly readinessAt: string | null;
}

/** The part of a replica's readiness that is read here; it may say more. */
export interface ReadinessReport {
  readonly ready: boolean;
  readonly working: boolean;
  readonly central?: { readonly error: string };
  readonly sources: readonly {
    readonly name: string;
    readonly waitingFor?: string;
    readonly refused?: string;
    readonly lanes: readonly {
      readonly queue: string;
      readonly fault?: { readonly side: string; readonly error: string };
      readonly crashes?: number;
    }[];
  }[];
  /** How many sources without a fault were left out, so that it is not too long. */
  readonly sourcesLeftOut?: number;
}

/** Every replica that the central store knows: those that live, and those that were lost within a day. */
export async function listReplicas(
  central: Pick<ClientBase, "query">,
): Promise<readonly ReplicaReport[]> {
  const instant = (column: string) =>
    `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  const { rows } = await central.query<ReplicaReport>(
    `select c.id::text as id, c.version, c.host, c.held_keys as "heldKeys",
            c.opens_bound_seals as "opensBoundSeals", c.readiness, ${instant("c.readiness_at")} as "readinessAt",
            ${instant("c.started_at")} as "startedAt", ${instant("c.last_seen_at")} as "lastSeenAt",
            case when c.last_seen_at between clock_timestamp() - interval '1 minute'
                                         and clock_timestamp() + interval '1 minute'
                 then 'live' else 'lost' end as state
       from central.consumers c
      order by state, c.host, c.id`,
  );
  return rows;
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
