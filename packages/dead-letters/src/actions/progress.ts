import type { ActionName, PartFigures } from "@centralcloud/central";
import type { PoolClient } from "pg";
import type { DeadLetterKey } from "../cursor.ts";
import { instant } from "../dead-letter-sql.ts";
import { ActionLostError } from "../errors.ts";
import type { DeadLetterSource, Place } from "../place.ts";
import { inTransaction } from "../transaction.ts";

/**
 * How far an action is in one queue, as its source has it: in `operator_action_progress`, which functions write in the
 * transaction that moves messages. So it is never ahead of what was moved, nor behind. Its row is locked by each chunk:
 * two runners take turns, and the one that had it before moves nothing more.
 */
export interface Progress {
  readonly after: DeadLetterKey | undefined;
  readonly pass: number;
  readonly moved: number;
  readonly merged: number;
  readonly detail: Readonly<Record<string, number>>;
  readonly startedAt: string;
  /** When it was closed; null while it may continue. */
  readonly endedAt: string | null;
}

type Row = Omit<Progress, "after"> & {
  readonly cursorAt: string | null;
  readonly cursorId: string | null;
};

const columns = `
  ${instant("p.cursor_at")} as "cursorAt", p.cursor_id::text as "cursorId", p.pass_number as pass,
  p.moved_count::double precision as moved, p.merged_count::double precision as merged, p.detail,
  ${instant("p.started_at")} as "startedAt", ${instant("p.closed_at")} as "endedAt"`;

/** A runner that was killed may have a transaction open until its server process notices. */
const lockTimeoutS = 30;

/** A part that a runner has opened: what the functions that move messages are told. */
export interface OpenPart {
  /** `action_key` of the action. */
  readonly key: string;
  readonly queue: string;
  readonly runner: string;
}

/** By which claim a runner has an action: who it is, and the claim's number. */
export interface RunnerClaim {
  readonly runner: string;
  readonly claimNumber: number;
}

/**
 * Claims a part, and says how far it is; waits for a transaction that another runner has left open.
 *
 * @returns the number of a later claim that has it: a runner that comes late takes nothing back.
 */
export function openProgress(
  { source: { pool }, queue }: Place,
  { id, key }: ActionName,
  { runner, claimNumber }: RunnerClaim,
): Promise<Progress | { readonly laterClaim: number }> {
  return inTransaction(pool, async (client) => {
    await client.query(`set local lock_timeout = '${lockTimeoutS}s'`);
    const { rows } = await client.query<Row>(
      `select ${columns}
         from public.open_action_part(
                p_action_key => $1, p_queue => $2, p_action_id => $3, p_runner => $4, p_claim_number => $5) p`,
      [key, queue, id, runner, claimNumber],
    );
    const [row] = rows;
    if (row !== undefined) return progressOf(row);
    const later = await client.query<{ laterClaim: number }>(
      `select p.claim_number::integer as "laterClaim" from public.operator_action_progress p
        where p.action_key = $1 and p.queue = $2`,
      [key, queue],
    );
    return later.rows[0] ?? { laterClaim: claimNumber };
  });
}

/** How far a part is, for whoever only looks; undefined where it has not begun. */
export async function readProgress(
  {
    source: { pool },
    queue,
  }: { readonly source: Pick<DeadLetterSource, "pool">; readonly queue: string },
  { key }: Pick<ActionName, "key">,
): Promise<Progress | undefined> {
  const { rows } = await pool.query<Row>(
    `select ${columns} from public.operator_action_progress p where p.action_key = $1 and p.queue = $2`,
    [key, queue],
  );
  return rows[0] && progressOf(rows[0]);
}

/**
 * Locks a part's row until the transaction ends.
 *
 * @throws {ActionLostError} where another runner has taken it over.
 */
export async function lockProgress(
  client: PoolClient,
  queue: string,
  { id, key }: ActionName,
  runner: string,
): Promise<Progress> {
  const { rows } = await client.query<Row>(
    `select ${columns} from public.lock_action_part(p_action_key => $1, p_queue => $2, p_runner => $3) p`,
    [key, queue, runner],
  );
  const [row] = rows;
  if (row !== undefined) return progressOf(row);
  const there = await client.query(
    "select from public.operator_action_progress p where p.action_key = $1 and p.queue = $2",
    [key, queue],
  );
  throw new ActionLostError(id, there.rows.length > 0 ? "taken" : "forgotten");
}

/** What a chunk has done. */
export interface ChunkCounts {
  readonly moved: number;
  readonly detail: Readonly<Record<string, number>>;
  /** Where the next chunk of this pass begins. */
  readonly last: DeadLetterKey | undefined;
}

/** Notes where the chunk of a part has ended that the transaction has locked; what moved it has counted it. */
export async function saveProgress(
  client: PoolClient,
  { key, queue, runner }: OpenPart,
  before: Progress,
  { detail, last }: Pick<ChunkCounts, "detail" | "last">,
  pass = before.pass,
): Promise<Progress> {
  const { rows } = await client.query<Row>(
    `select ${columns}
       from public.save_action_part(
              p_action_key => $1, p_queue => $2, p_runner => $3, p_detail => $4, p_cursor_at => $5, p_cursor_id => $6,
              p_pass_number => $7) p`,
    [
      key,
      queue,
      runner,
      JSON.stringify(add(before.detail, detail)),
      last?.at ?? null,
      last?.id ?? null,
      pass,
    ],
  );
  return progressOf(rows[0] as Row);
}

/** Lets a part move nothing more, whoever has it. */
export async function closeProgress(
  { source: { pool }, queue }: Place,
  { id, key }: ActionName,
  runner: string,
): Promise<Progress> {
  const { rows } = await pool.query<Row>(
    `select ${columns} from public.close_action_part(p_action_key => $1, p_queue => $2, p_runner => $3) p`,
    [key, queue, runner],
  );
  const [row] = rows;
  if (row !== undefined) return progressOf(row);
  const isThere = (await readProgress({ source: { pool }, queue }, { key })) !== undefined;
  throw new ActionLostError(id, isThere ? "taken" : "forgotten");
}

/** Kinds of results that an action counts, and characters of their names: no step of ours has more. */
const details = { most: 50, longest: 100 };

/** What a source says of an action is kept with it in the central store, beside that of the others. */
class ImplausibleProgressError extends Error {
  readonly code = "progress_implausible";
  constructor() {
    super(
      "what it says of how far the action is there can't be: see its row of operator_action_progress",
    );
    this.name = "ImplausibleProgressError";
  }
}

/** @throws {ImplausibleProgressError} */
export function assertCounts(...counts: readonly unknown[]): void {
  const isCount = (count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0;
  if (!counts.every(isCount)) throw new ImplausibleProgressError();
}

/** Whether PostgreSQL reads it as a time: a dead letter may be of any that there is, and of none. */
function isTime(text: string | null): boolean {
  if (text === null || /^-?infinity$/.test(text)) return true;
  const form = /^(\d{4,6})-(0[1-9]|1[0-2])-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;
  const [, year, month, day] = (form.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  // The calendar repeats itself every 400 years.
  const lastDay = new Date(Date.UTC(2_000 + (year % 400), month, 0)).getUTCDate();
  return year >= 1 && year <= 294_276 && day >= 1 && day <= lastDay;
}

function assertPlausible({ moved, merged, pass, detail, ...row }: Row): void {
  const counted = Object.entries(detail ?? {});
  assertCounts(moved, merged, pass, ...counted.map(([, count]) => count));
  const isWhole =
    [row.cursorAt, row.startedAt, row.endedAt].every(isTime) &&
    (row.cursorId === null || /^-?\d{1,19}$/.test(row.cursorId)) &&
    counted.length <= details.most &&
    counted.every(([name]) => name.length <= details.longest);
  if (!isWhole || row.startedAt === null) throw new ImplausibleProgressError();
}

function progressOf(found: Row): Progress {
  assertPlausible(found);
  const { cursorAt, cursorId, ...row } = found;
  const after = cursorAt === null || cursorId === null ? undefined : { at: cursorAt, id: cursorId };
  return { ...row, after };
}

/** What is left of a part's selection. */
export interface Left {
  /** All of it. */
  readonly remaining: number;
  /** Those of them that can't be moved. */
  readonly refused: number;
}

/** As the central store is told. */
export function figuresOf(
  { source, queue }: Place,
  { after, moved, merged, detail, startedAt, endedAt }: Progress,
  left?: Left,
): PartFigures {
  return {
    sourceId: source.sourceId,
    queue,
    moved,
    merged,
    detail,
    refused: left?.refused ?? 0,
    remaining: left?.remaining ?? null,
    cursorAt: after?.at ?? null,
    cursorId: after?.id ?? null,
    startedAt,
    endedAt,
  };
}

function add(
  before: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...before };
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
