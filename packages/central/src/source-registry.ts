import type { IdentifiedSource, Source } from "@centralcloud/db";
import { codeOf, sqlState } from "@centralcloud/postgres";
import { shellWord } from "@centralcloud/service";
import type { ClientBase, Pool } from "pg";
import { registerSource } from "./central-store.ts";

type Queryable = Pool | ClientBase;

/**
 * - `ok`: it may be consumed.
 * - `conflict`: another database has its id, and is configured or consumed now.
 * - `moved`: its id is known from another server.
 */
export type SourceState = "ok" | "conflict" | "moved";

export interface SourceCheckResult {
  readonly state: SourceState;
  /** Why it may not; null where it may. */
  readonly reason: string | null;
}

export interface SourceClaim extends SourceCheckResult {
  /** Where the source was until now, where a promoted standby took its place. */
  readonly movedFrom: string | null;
}

/** Who asks, and from where. */
export interface ClaimOptions {
  /** Host, port and database, as configured, without login or password. */
  readonly address: string;
  /** Where else a database is configured here that may be the same source: see `twinsOf`. */
  readonly otherAddresses?: readonly string[];
  /** The replica, where one works on the source from now on. */
  readonly consumerId?: string;
}

/** A database has an id that is another's; it waits for an operator's decision. */
export class SourceRefusedError extends Error {
  readonly code = "source_refused";
  readonly state: Exclude<SourceState, "ok">;
  readonly sourceId: string;
  constructor(
    sourceId: string,
    state: Exclude<SourceState, "ok">,
    reason: string,
    address: string,
  ) {
    const chosen = shellWord(address);
    super(
      `${reason}. If the source has moved here or was restored: centralcloud sources adopt --source ${chosen}; ` +
        `if this is a copy: centralcloud sources renew --source ${chosen}`,
    );
    this.name = "SourceRefusedError";
    this.state = state;
    this.sourceId = sourceId;
  }
}

/** Why a database is refused whose id another one has that the same process has configured. */
export function sayConfiguredToo({ sourceId, name }: Source, address: string): string {
  return `its source_id ${sourceId} is that of ${name} at ${address}, which is configured, too`;
}

/** Nothing can be settled at a standby. */
export class StandbyError extends Error {
  /** As PostgreSQL's own, when something is written there. */
  readonly code = sqlState.readOnlyTransaction;
  constructor() {
    super("the server is a standby: the source is consumed there once it is promoted");
    this.name = "StandbyError";
  }
}

function valuesOf(source: IdentifiedSource, { address, otherAddresses, consumerId }: ClaimOptions) {
  const { systemId, databaseOid, timeline, startedAt } = source.server;
  const server = [systemId, databaseOid, timeline, startedAt];
  return [source.sourceId, ...server, address, [...(otherAddresses ?? [])], consumerId ?? null];
}

/** Whether the source might be claimed; changes nothing. */
export async function judgeSource(
  central: Queryable,
  source: IdentifiedSource,
  options: ClaimOptions,
): Promise<SourceCheckResult> {
  try {
    const { rows } = await central.query<SourceCheckResult>(
      `select j.state, j.reason
         from central.judge_source(p_source_id => $1, p_system_id => $2, p_database_oid => $3, p_timeline => $4,
                p_started_at => $5, p_address => $6, p_other_addresses => $7, p_consumer_id => $8) j`,
      valuesOf(source, options),
    );
    return rows[0] ?? { state: "ok", reason: null };
  } catch (error) {
    if (isOlder(error)) return { state: "ok", reason: null };
    throw error;
  }
}

/** @throws {SourceRefusedError} where the database has an id that is another's. */
export async function assertNotRefused(
  central: Queryable,
  source: IdentifiedSource,
  options: ClaimOptions,
): Promise<void> {
  const { state, reason } = await judgeSource(central, source, options);
  if (state === "ok") return;
  throw new SourceRefusedError(source.sourceId, state, reason ?? "", options.address);
}

/**
 * Makes a source known to the central store, or seen again.
 *
 * @throws {SourceRefusedError} where it has an id that is another's. {@link StandbyError}
 */
export async function claimSource(
  central: Queryable,
  source: IdentifiedSource,
  options: ClaimOptions,
): Promise<SourceClaim> {
  return await claimBy(tryToClaim, central, source, options);
}

/**
 * As {@link claimSource}, by whoever begins to read the source's slot, and so is its only reader. A claim that there is
 * already stays as it is.
 *
 * @throws {SourceRefusedError} {@link StandbyError}
 */
export async function claimCapturedSource(
  central: Queryable,
  source: IdentifiedSource,
  options: ClaimOptions,
): Promise<SourceClaim> {
  return await claimBy(tryToClaimCaptured, central, source, options);
}

async function claimBy(
  tried: typeof tryToClaim,
  central: Queryable,
  source: IdentifiedSource,
  options: ClaimOptions,
): Promise<SourceClaim> {
  if (source.server.isStandby) throw new StandbyError();
  const claim = await tried(central, source, options);
  if (claim.state === "ok") return claim;
  throw new SourceRefusedError(source.sourceId, claim.state, claim.reason ?? "", options.address);
}

async function tryToClaimCaptured(
  central: Queryable,
  source: IdentifiedSource,
  options: ClaimOptions,
): Promise<SourceClaim> {
  try {
    const { rows } = await central.query<SourceClaim>(
      `select c.state, c.reason, c.moved_from as "movedFrom"
         from central.claim_captured_source(p_source_id => $1, p_system_id => $2, p_database_oid => $3,
                p_timeline => $4, p_started_at => $5, p_address => $6, p_other_addresses => $7, p_name => $8) c`,
      [...valuesOf(source, options).slice(0, -1), source.name],
    );
    return rows[0] ?? { state: "ok", reason: null, movedFrom: null };
  } catch (error) {
    if (!isOlder(error)) throw error;
    // A central store of the version before, until it is migrated: a capture may only ask it.
    return { ...(await judgeSource(central, source, options)), movedFrom: null };
  }
}

async function tryToClaim(
  central: Queryable,
  source: IdentifiedSource,
  options: ClaimOptions,
): Promise<SourceClaim> {
  try {
    const { rows } = await central.query<SourceClaim>(
      `select c.state, c.reason, c.moved_from as "movedFrom"
         from central.claim_source(p_source_id => $1, p_system_id => $2, p_database_oid => $3, p_timeline => $4,
                p_started_at => $5, p_address => $6, p_other_addresses => $7, p_consumer_id => $8, p_name => $9) c`,
      [...valuesOf(source, options), source.name],
    );
    return rows[0] ?? { state: "ok", reason: null, movedFrom: null };
  } catch (error) {
    if (!isOlder(error)) throw error;
    // A central store of the version before, until it is migrated: it takes every source for what it says, and
    // whoever captures may not register one.
    await registerSource(central, source).catch((refusal: unknown) => {
      if (codeOf(refusal) !== sqlState.insufficientPrivilege) throw refusal;
    });
    return { state: "ok", reason: null, movedFrom: null };
  }
}

/** No such function: the store is a version older. */
function isOlder(error: unknown): boolean {
  return codeOf(error) === sqlState.undefinedFunction;
}

/**
 * Says which sources a replica consumes, from each id to when its server was started.
 *
 * @returns the ids of those that it has to claim anew.
 */
export async function confirmSources(
  central: Pool,
  consumerId: string,
  sources: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<readonly string[]> {
  try {
    const query = {
      text: `select c.source_id as "sourceId" from central.confirm_sources(p_consumer_id => $1, p_sources => $2) c`,
      values: [consumerId, sources],
      query_timeout: timeoutMs,
    };
    const { rows } = await central.query<{ sourceId: string }>(query);
    return rows.map(({ sourceId }) => sourceId);
  } catch (error) {
    if (isOlder(error)) return [];
    throw error;
  }
}

/**
 * The address that is a source's own: where it was claimed first, or where an operator or a failover has moved it.
 * Undefined where the central store does not know the source by its server.
 */
export async function readOwnAddress(
  central: Queryable,
  sourceId: string,
): Promise<string | undefined> {
  // By way of JSON, since a store of the version before has no such columns.
  const { rows } = await central.query<{ address: string | null }>(
    `select to_jsonb(s) -> 'addresses' ->> 0 as address from central.sources s
      where s.source_id = $1 and to_jsonb(s) ->> 'database_oid' is not null`,
    [sourceId],
  );
  return rows[0]?.address ?? undefined;
}

/** An operator's decision: the source of this id is there from now on, whatever was known before. */
export async function adoptSource(
  central: Queryable,
  source: IdentifiedSource,
  address: string,
  decision: "adopted" | "renewed",
  actor: string,
): Promise<void> {
  const { systemId, databaseOid, timeline, startedAt } = source.server;
  await central.query(
    `select central.adopt_source(p_source_id => $1, p_name => $2, p_system_id => $3, p_database_oid => $4,
              p_timeline => $5, p_started_at => $6, p_address => $7, p_decision => $8, p_actor => $9)`,
    [
      source.sourceId,
      source.name,
      systemId,
      databaseOid,
      timeline,
      startedAt,
      address,
      decision,
      actor,
    ],
  );
}

/** A source as the central store knows it. */
export interface RegisteredSource {
  readonly sourceId: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly systemId: string | null;
  readonly databaseOid: number | null;
  readonly timeline: number | null;
  readonly lastSeenAt: Date;
  readonly decision: string | null;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
}

export async function readRegisteredSources(
  central: Queryable,
): Promise<readonly RegisteredSource[]> {
  const { rows } = await central.query<
    Omit<RegisteredSource, "databaseOid"> & { databaseOid: string | null }
  >(
    `select s.source_id as "sourceId", s.name, s.addresses, s.system_id as "systemId",
            s.database_oid as "databaseOid", s.timeline, s.last_seen_at as "lastSeenAt", s.decision,
            s.decided_by as "decidedBy", s.decided_at as "decidedAt"
       from central.sources s order by s.name, s.source_id`,
  );
  return rows.map((row) => ({
    ...row,
    databaseOid: row.databaseOid === null ? null : Number(row.databaseOid),
  }));
}
