import { findMissingMessages, type Origin } from "@centralcloud/central";
import type { Queryable } from "@centralcloud/queue";
import { pause } from "@centralcloud/service";
import type PQueue from "p-queue";
import type { Pool } from "pg";
import type { Comparison, ComparisonPlan } from "./plan-comparison.ts";
import { type ArchivePlace, readArchived } from "./read-archived.ts";

/** Read and looked up at a time: a few milliseconds of work on either side. */
const pageSize = 1_000;

/** No more missing messages are counted. */
const countedAtMost = 10_000;

/** So much of the time is left to the lanes between two pages. */
const restRatio = 2;

export interface ArchiveComparisonOptions {
  readonly source: Queryable;
  readonly central: Pool;
  readonly origin: Origin;
  readonly signal: AbortSignal;
  /** Called before each page; false: it is somebody else's by now. */
  readonly keep: () => Promise<boolean>;
  /** Of the pages of all archives. */
  readonly turns: PQueue;
}

/**
 * Asks the ledger about each message of an archive that the plan is about, oldest first, and page by page, so that the
 * lanes are not slowed down. It ends early where so many are missing that no more are counted.
 *
 * @returns undefined where it was stopped.
 */
export async function compareArchive(
  { from, to }: ComparisonPlan,
  { source, central, origin, signal, keep, turns }: ArchiveComparisonOptions,
): Promise<Comparison | undefined> {
  let since: string | undefined;
  let count = 0;
  let unknownIds = 0;
  const found = (isAtLeast: boolean): Comparison => ({
    missing: since === undefined ? undefined : { since, count, isAtLeast },
    unknownIds,
  });
  let after: ArchivePlace | undefined;
  /** @returns what was found, once that is all. */
  async function comparePage(): Promise<Comparison | undefined> {
    const startedAt = performance.now();
    const page = await readArchived(source, origin.queue, from, to, after, pageSize);
    const asked = page.flatMap(({ msgId, ...rest }) =>
      msgId === undefined ? [] : [{ msgId, ...rest }],
    );
    unknownIds += page.length - asked.length;
    const missing = asked.length === 0 ? [] : await findMissingMessages(central, origin, asked);
    const [oldest] = missing;
    if (oldest !== undefined) since ??= new Date(oldest.archivedAt).toISOString();
    count += missing.length;
    if (page.length < pageSize) return found(false);
    if (count >= countedAtMost) return found(true);
    after = page.at(-1);
    await pause(restRatio * (performance.now() - startedAt), signal);
    return undefined;
  }
  for (;;) {
    if (signal.aborted || !(await keep())) return undefined;
    const comparison = await turns.add(comparePage);
    if (comparison !== undefined) return comparison;
  }
}
