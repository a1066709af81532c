import { codeOf, inShortTransaction, sqlState } from "@centralcloud/postgres";
import type { Pool, QueryResultRow } from "pg";

/** The time that may be spent on one database. */
export class Budget {
  readonly #until: number;
  readonly #signal: AbortSignal | undefined;

  /** @param ms milliseconds from now on. */
  constructor(ms: number, signal?: AbortSignal) {
    this.#until = performance.now() + ms;
    this.#signal = signal;
  }

  /** Milliseconds; 0 where it is spent, or nobody waits for the answer any more. */
  get leftMs(): number {
    return this.#signal?.aborted ? 0 : Math.max(0, this.#until - performance.now());
  }

  /** A part of what is left, for one question among several. */
  share(part: number): Budget {
    return new Budget(this.leftMs * part, this.#signal);
  }
}

/** There was no time for an answer, or somebody had locked what was to be read for as long. */
export class BudgetSpentError extends Error {
  readonly code = "budget_spent";
  constructor(options?: ErrorOptions) {
    super("there was no time left to look", options);
    this.name = "BudgetSpentError";
  }
}

/** Shorter than this a statement is not begun. */
const leastMs = 20;

/**
 * Asks one thing in a transaction that can only read, for as long as there is time.
 *
 * @throws {BudgetSpentError}
 */
export async function ask<Row extends QueryResultRow>(
  pool: Pool,
  budget: Budget,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const { leftMs } = budget;
  if (leftMs < leastMs) throw new BudgetSpentError();
  const client = await pool.connect();
  let isBroken = true;
  try {
    const { rows } = await inShortTransaction(client, leftMs, (reader) =>
      reader.query<Row>(text, [...values]),
    );
    isBroken = false;
    return rows;
  } catch (error) {
    // The server has said no, so the connection is as it was.
    isBroken = codeOf(error)?.length !== 5;
    const isLate = [sqlState.queryCanceled, sqlState.lockNotAvailable].some(
      (code) => code === codeOf(error),
    );
    throw isLate ? new BudgetSpentError({ cause: error }) : error;
  } finally {
    client.release(isBroken);
  }
}

/** Codes of what a database does not let this login see, or does not have. */
const closed: readonly (string | undefined)[] = [
  sqlState.insufficientPrivilege,
  sqlState.undefinedTable,
  sqlState.undefinedColumn,
  sqlState.undefinedFunction,
];

/**
 * Why one part of a database could not be read, where the rest of it can: in words that follow "it can't be read: ".
 * Undefined for what concerns the whole database.
 */
export function partialReason(error: unknown): string | undefined {
  if (error instanceof BudgetSpentError)
    return "there was no time left for it; give --timeout more";
  const code = codeOf(error);
  if (code === sqlState.insufficientPrivilege) return "this login may not";
  if (closed.includes(code)) return `it is not there, or not as this build knows it (${code})`;
  return undefined;
}
