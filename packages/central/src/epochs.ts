import { codeOf, sqlState } from "@centralcloud/postgres";
import type { ClientBase, Pool } from "pg";
import type { Origin } from "./deliveries.ts";

/** What is to be compared of the archive of one queue of a source with the ledger. Times by the source's clock, ISO 8601. */
export interface ArchiveCheck extends Origin {
  readonly epochId: number;
  /** What was archived since then; `-infinity`: all of it. */
  readonly from: string;
  /** And until then; null until somebody has begun with it. */
  readonly until: string | null;
  readonly isCompared: boolean;
  readonly missing: MissingMessages | undefined;
  /** What keeps some of it from being compared. */
  readonly problem: string | null;
}

/** Messages that are in an archive and not in the central store. */
export interface MissingMessages {
  /** When the oldest of them was archived, by the source's clock, in ISO 8601 to the millisecond, not rounded up. */
  readonly since: string;
  readonly count: number;
  /** Not all of them were counted. */
  readonly isAtLeast: boolean;
}

/** What came of comparing. */
export interface ArchiveCheckResult {
  /** From where to compare again; null: nothing is left to compare. */
  readonly from: string | null;
  readonly until: string | null;
  /** Whether it was compared at all; if not, `problem` says why. */
  readonly isCompared: boolean;
  readonly missing: MissingMessages | undefined;
  readonly problem: string | null;
}

export interface EpochConfirmation {
  /** To be given to the next call. */
  readonly beat: number;
  readonly epochId: number;
  /** Whether this call began it. */
  readonly isNew: boolean;
  /** Why it began. */
  readonly reason: string;
  /** Archives that are to be compared, or from which something is missing. */
  readonly checks: readonly ArchiveCheck[];
}

interface CheckRow {
  readonly source_id: string;
  readonly queue: string;
  readonly epoch_id: number;
  readonly from_at: string;
  readonly until_at: string | null;
  readonly missing_since: string | null;
  readonly missing_count: number;
  readonly is_at_least: boolean;
  readonly problem: string | null;
  readonly compared_at: string | null;
}

function checkOf(row: CheckRow): ArchiveCheck {
  return {
    sourceId: row.source_id,
    queue: row.queue,
    epochId: row.epoch_id,
    from: row.from_at,
    until: row.until_at,
    isCompared: row.compared_at !== null,
    missing:
      row.missing_since === null
        ? undefined
        : {
            since: new Date(row.missing_since).toISOString(),
            count: row.missing_count,
            isAtLeast: row.is_at_least,
          },
    problem: row.problem,
  };
}

/**
 * Says that a consumer works with the store, and learns whether the store may have lost something: then a new epoch
 * begins. See sql/central/functions/confirm_epoch.sql.
 *
 * @param beat what the last call gave; 0 before the first.
 * @param clocks from the ids of sources to what their clocks showed before now, in ISO 8601.
 * @param queues those of a source.
 * @param timeoutMs rejects when the store has not answered by then.
 * @returns undefined where the store is a version older, and has no epochs.
 */
export async function confirmEpoch(
  central: Pool,
  consumerId: string,
  beat: number,
  clocks: Readonly<Record<string, string>>,
  queues: readonly string[],
  timeoutMs: number,
): Promise<EpochConfirmation | undefined> {
  try {
    const query = {
      text: `select c.beat::float8 as beat, c.epoch_id::float8 as "epochId", c.is_new as "isNew", c.reason, c.checks
               from central.confirm_epoch(p_consumer_id => $1, p_beat => $2, p_clocks => $3, p_queues => $4) c`,
      values: [consumerId, beat, clocks, queues],
      query_timeout: timeoutMs,
    };
    const { rows } = await central.query<
      Omit<EpochConfirmation, "checks"> & { checks: readonly CheckRow[] }
    >(query);
    const [row] = rows;
    return row === undefined ? undefined : { ...row, checks: row.checks.map(checkOf) };
  } catch (error) {
    if (codeOf(error) === sqlState.undefinedFunction) return undefined;
    throw error;
  }
}

/**
 * Takes it on this consumer to compare an archive, for half a minute; again for half a minute more.
 *
 * @returns undefined where another one does, or nothing is to be compared any more.
 */
export async function claimArchiveCheck(
  central: Pool,
  { sourceId, queue }: Origin,
  consumerId: string,
): Promise<ArchiveCheck | undefined> {
  const { rows } = await central.query<{ check: CheckRow }>(
    `select to_jsonb(k) as check
       from central.claim_archive_check(p_source_id => $1, p_queue => $2, p_consumer_id => $3) k`,
    [sourceId, queue, consumerId],
  );
  return rows[0] === undefined ? undefined : checkOf(rows[0].check);
}

/** @returns whether it was taken down: not where a new epoch has begun, or another consumer compares now. */
export async function reportArchiveCheck(
  central: Pool,
  { sourceId, queue, epochId }: ArchiveCheck,
  consumerId: string,
  { from, until, isCompared, missing, problem }: ArchiveCheckResult,
): Promise<boolean> {
  const { rows } = await central.query<{ done: boolean }>(
    `select central.report_archive_check(
       p_source_id => $1, p_queue => $2, p_consumer_id => $3, p_epoch_id => $4, p_from_at => $5, p_until_at => $6,
       p_missing_since => $7, p_missing_count => $8, p_is_at_least => $9, p_is_compared => $10,
       p_problem => $11) as done`,
    [
      sourceId,
      queue,
      consumerId,
      epochId,
      from,
      until,
      missing?.since ?? null,
      missing?.count ?? 0,
      missing?.isAtLeast ?? false,
      isCompared,
      problem,
    ],
  );
  return rows[0]?.done === true;
}

/** An archive that is to be compared, as an operator wants it named. */
export interface NamedArchiveCheck extends ArchiveCheck {
  readonly source: string;
  /** How long it has waited to be compared, in seconds. */
  readonly waitsForS: number;
}

/** Archives that are to be compared, or from which something is missing; those first. */
export async function readArchiveChecks(
  central: Pick<ClientBase, "query">,
): Promise<readonly NamedArchiveCheck[]> {
  const { rows } = await central.query<{ check: CheckRow; source: string; waitsForS: number }>(
    `select to_jsonb(k) as check, coalesce(s.name, k.source_id::text) as source,
            extract(epoch from clock_timestamp() - coalesce(k.compared_at, e.began_at))::float8 as "waitsForS"
       from central.archive_checks k
       left join central.sources s using (source_id)
       left join central.epochs e on e.id = k.epoch_id
      where k.from_at is not null
      order by k.missing_count desc, source, k.queue
      limit 1000`,
  );
  return rows.map(({ check, source, waitsForS }) => ({ ...checkOf(check), source, waitsForS }));
}

/** Archives that are still to be compared, all of them. */
export interface ArchiveCheckCounts {
  /** Those that have not been compared yet in this epoch. */
  readonly first: number;
  /** Those that have, and are to be compared a last time. */
  readonly last: number;
  /** When that can begin for the last of them, by its source's clock, in ISO 8601; null: not known yet. */
  readonly lastDueAt: string | null;
}

export async function countArchiveChecks(
  central: Pick<ClientBase, "query">,
): Promise<ArchiveCheckCounts> {
  const { rows } = await central.query<ArchiveCheckCounts>(
    `select count(*) filter (where k.compared_at is null)::float8 as first,
            count(*) filter (where k.compared_at is not null)::float8 as last,
            to_char(max(k.until_at) filter (where k.compared_at is not null and isfinite(k.until_at)) at time zone 'UTC',
                    'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "lastDueAt"
       from central.archive_checks k
      where k.from_at is not null`,
  );
  return rows[0] ?? { first: 0, last: 0, lastDueAt: null };
}

/** Why the store may have lost something since a consumer last worked with it; undefined where nothing speaks for that. */
export async function doubtEpoch(central: Pick<ClientBase, "query">): Promise<string | undefined> {
  const { rows } = await central.query<{ reason: string }>(
    "select d.reason from central.doubt_epoch() d",
  );
  return rows[0]?.reason;
}
