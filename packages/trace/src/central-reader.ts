import type { QueueName } from "@centralcloud/contracts";
import type { Pool, QueryResultRow } from "pg";
import { ask, type Budget, partialReason } from "./budget.ts";
import type { TraceEvent, Unknown } from "./event.ts";
import type { TraceWindow } from "./question.ts";
import type { Hint } from "./read-source.ts";

/** Collects what the central store tells, one part after the other. */
export class CentralReader {
  readonly events: TraceEvent[] = [];
  readonly unknown: Unknown[] = [];
  readonly hints: Hint[] = [];
  /** Of the sources that are asked about; null: of all. */
  sourceIds: readonly string[] | null = null;
  readonly #told = new Set<string>();
  readonly #pool: Pool;
  readonly #window: TraceWindow;
  budget: Budget;

  constructor(pool: Pool, window: TraceWindow, budget: Budget) {
    this.#pool = pool;
    this.#window = window;
    this.budget = budget;
  }

  /** @param share the part of the time left that it may take. */
  async ask<Row extends QueryResultRow>(
    text: string,
    values: readonly unknown[],
    share = 1,
  ): Promise<readonly Row[]> {
    return await ask<Row>(this.#pool, this.budget.share(share), text, values);
  }

  /** Whether something has been told already, in words of whoever tells it; from now on it has. */
  isTold(key: string): boolean {
    if (this.#told.has(key)) return true;
    this.#told.add(key);
    return false;
  }

  hint(queue: QueueName, at: string): void {
    this.hints.push({ queue, at });
  }

  tell(
    why: string,
    from: string | null = this.#window.from,
    to: string | null = this.#window.to,
    source: string | null = null,
  ): void {
    this.unknown.push({ from, to, why, source });
  }

  tellCut(isCut: boolean, why: string): void {
    if (isCut) this.tell(`${why}: only the newest are told`);
  }

  /** A part that can't be read takes nothing from the others. */
  async partly(what: string, read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      const reason = partialReason(error);
      if (reason === undefined) throw error;
      this.tell(`${what} can't be read: ${reason}`);
    }
  }
}
