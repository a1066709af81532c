import { assertCentralStore } from "@centralcloud/central";
import { type QueueName, queueNames } from "@centralcloud/contracts";
import type { DeadLetterScope, DeadLetterSource } from "@centralcloud/dead-letters";
import {
  assertComplete,
  defaultTimeoutS,
  describeSilence,
  identifySources,
  type TakeTurn,
} from "@centralcloud/inspect";
import { createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import { ConfigurationError } from "@centralcloud/service";
import type { Pool } from "pg";
import { applicationName } from "../reading/databases.ts";

/** Which sources and queues are meant; all where none is named. */
export interface Chosen {
  readonly source?: readonly string[] | undefined;
  readonly queue?: readonly QueueName[] | undefined;
}

/** Seconds that one statement may take. */
export const statementS = {
  /** Somebody waits for it: an entry in the record of actions, an order to an action. */
  record: 10,
  /** Of an action, at the central store. */
  central: 60,
  /** Of an action, at a source: to count what is selected, or to move a chunk of it. */
  source: 300,
} as const;

export interface OpenOptions {
  /** Seconds that one statement may take. */
  readonly askS: number;
  /** Aborted: every connection is closed at once. */
  readonly signal?: AbortSignal;
  /** For what only looks: waits until the database may be asked. Always the central store before the sources. */
  readonly takeTurn?: TakeTurn | undefined;
}

/** Bytes of one answer that may have a whole dead letter in it. */
export const deadLetterAnswerBytes = 64 * 1024 * 1024;

/**
 * Connects the central store for as long as the work takes.
 *
 * @throws {SourcesMissingError} where it does not answer; then nothing was done.
 */
export async function withCentral<Result>(
  url: string,
  options: OpenOptions,
  work: (central: Pool) => Promise<Result>,
): Promise<Result> {
  const opened = await openPools([url], options);
  const [central] = opened.pools as [Pool];
  try {
    await assertCentralStore(central).catch((error: unknown) => {
      if (!opened.isGivenUp()) assertReached(url, error);
      throw error;
    });
    return await work(central);
  } catch (error) {
    throw opened.isGivenUp() ? tooLong() : error;
  } finally {
    await opened.close();
  }
}

/** Sources that are connected, until they are closed. */
export interface OpenScope {
  readonly scope: DeadLetterScope;
  isGivenUp(): boolean;
  close(): Promise<void>;
}

/**
 * Connects the sources that are chosen: all of them.
 *
 * @throws {SourcesMissingError}
 */
export async function openScope(
  urls: readonly string[],
  { source, queue = queueNames }: Chosen,
  options: OpenOptions,
): Promise<OpenScope> {
  const { askS, signal } = options;
  const found = await identifySources(urls, {
    applicationName,
    ...(source === undefined ? {} : { source }),
    timeout: Math.min(askS, defaultTimeoutS),
    ...(options.takeTurn === undefined ? {} : { takeTurn: options.takeTurn }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { pools, ...opened } = await openPools(
    found.map(({ url }) => url),
    options,
  );
  const sources = found.map(({ sourceId, name }, index): DeadLetterSource => {
    return { sourceId, name, pool: pools[index] as Pool };
  });
  return { scope: { sources, queues: queue }, ...opened };
}

/** The same for as long as the work takes. @throws {SourcesMissingError} before any of it is done. */
export async function withScope<Result>(
  urls: readonly string[],
  chosen: Chosen,
  options: OpenOptions,
  work: (scope: DeadLetterScope) => Promise<Result>,
): Promise<Result> {
  const opened = await openScope(urls, chosen, options);
  try {
    return await work(opened.scope);
  } catch (error) {
    throw opened.isGivenUp() ? tooLong() : error;
  } finally {
    await opened.close();
  }
}

async function openPools(urls: readonly string[], options: OpenOptions) {
  const { askS, signal, takeTurn } = options;
  const turns: (() => void)[] = [];
  const endTurns = () => {
    for (const endTurn of turns.splice(0)) endTurn();
  };
  try {
    for (const url of takeTurn === undefined ? [] : urls) {
      const endTurn = await takeTurn?.(url, signal ?? new AbortController().signal);
      if (endTurn !== undefined) turns.push(endTurn);
    }
  } catch {
    endTurns();
    throw tooLong();
  }
  const pools = urls.map((url) =>
    createPool(url, {
      applicationName,
      max: 2,
      answerBytes: deadLetterAnswerBytes,
      queryTimeoutMs: askS * 1_000,
    }),
  );
  const end = (graceMs: number) => Promise.all(pools.map((pool) => endPool(pool, graceMs)));
  let givenUp: Promise<unknown> | undefined;
  const giveUp = () => {
    givenUp ??= end(0);
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted) giveUp();
  return {
    pools,
    isGivenUp: () => givenUp !== undefined,
    async close() {
      signal?.removeEventListener("abort", giveUp);
      await (givenUp ?? end(1_000));
      endTurns();
    },
  };
}

/** @throws {SourcesMissingError} where the error says that the database did not answer. */
function assertReached(url: string, error: unknown): void {
  const { silence, isUnreachable } = describeSilence(withoutSecrets(url), error);
  if (isUnreachable) assertComplete({ answers: [], unreachable: [silence], failed: [] });
}

function tooLong(): Error {
  return new ConfigurationError([
    "it took longer than a page may take; narrow it by source, queue, group or time, or give the command in a terminal",
  ]);
}
