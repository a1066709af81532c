import { setMaxListeners } from "node:events";
import { readSource, type Source } from "@centralcloud/db";
import { createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import {
  type Answers,
  ConfigurationError,
  mapInTurn,
  NoAnswerError,
  type Silence,
  Stragglers,
  watchAnswer,
} from "@centralcloud/service";
import type { Pool } from "pg";
import { describeSilence, type Unanswered } from "./faults.ts";

/** How a database is asked. */
export interface AskOptions {
  /**
   * Seconds that each may take, its statements on the server included; where it is left out, `mostS`, and a database that
   * holds up nearly all others is not waited for: see {@link Stragglers}.
   */
  readonly timeout?: number;
  /**
   * For work that takes longer at one source than at the others: once a source has said its name, it is waited for. Where
   * people wait, `among-few`: only unless eight others have answered.
   */
  readonly waitsForWork?: boolean | "among-few";
  /** Seconds at most where no `timeout` is given; default: 15. */
  readonly mostS?: number;
  /** Ends the asking: who has not answered is named. */
  readonly signal?: AbortSignal;
  /** Connections to each; default: 1. */
  readonly connections?: number;
  /** Bytes of one answer at most; default: 16 MiB. */
  readonly answerBytes?: number;
  /** Shown in pg_stat_activity; default: `centralcloud-cli`. */
  readonly applicationName?: string;
  /** Waits until the database may be asked; that is part of its time. Default: it may be asked at once. */
  readonly takeTurn?: TakeTurn;
}

/**
 * For a process that asks for many people: a database has only so many connections.
 *
 * @param signal aborted when the turn is waited for no longer.
 * @returns what ends the turn.
 */
export type TakeTurn = (url: string, signal: AbortSignal) => Promise<() => void>;

/** Which sources are asked, and how. */
export interface SourceOptions extends AskOptions {
  /** By name, id or address; every source where none is named. */
  readonly source?: readonly string[];
}

/** Where no time limit is given, in seconds. */
export const defaultTimeoutS = 15;

/** Until a server gives up a statement whose answer nobody waits for any more, in milliseconds. */
const serverStopsWithinMs = 2_000;

export interface KnownSource extends Source {
  readonly url: string;
}

/** A source that is connected: one connection, for as long as it is asked. */
export interface OpenSource extends KnownSource {
  readonly pool: Pool;
  /** Aborted when it has had its time. */
  readonly signal: AbortSignal;
}

/**
 * Few enough sources at a time that many of one server do not use up its connections; and one that has not said its
 * name within a second does not delay the others any more.
 */
const turns = { limit: 16, answerTimeoutMs: 1_000 };

/** How many sources are asked at the same time. */
export const sourcesAtATime = turns.limit;

/** Is told the addresses that are asked; what it gives is told the address of each that has answered, or never will. */
export type WatchAnswers = (addresses: readonly string[]) => (address: string) => void;

let watchAnswers: WatchAnswers = () => () => {};

/** For whoever shows how far the asking is: one for the whole process. */
export function onAsking(watch: WatchAnswers): void {
  watchAnswers = watch;
}

/**
 * Asks each source the same, several at a time, over one connection each. A source that is away, hangs or
 * refuses takes nothing from the others: it is named in the result.
 *
 * @throws {ConfigurationError} where `source` names one that does not exist.
 */
export async function askSources<Result>(
  urls: readonly string[],
  { source: wanted, ...limits }: SourceOptions,
  ask: (source: OpenSource) => Promise<Result>,
): Promise<Answers<Result>> {
  const chosen = chooseUrls(urls, wanted);
  // One listener for each source that is being asked.
  if (limits.signal !== undefined) setMaxListeners(0, limits.signal);
  const stragglers = new Stragglers(chosen.urls.length);
  const ended = watchAnswers(chosen.urls.map(withoutSecrets));
  const outcomes = await mapInTurn(chosen.urls, turns, (url, told) =>
    askOne(url, limits, stragglers, async (source) => {
      told();
      const isAsked = chosen.names === undefined || isNamed(source, chosen.names);
      return isAsked ? { source, answer: await ask(source) } : { source };
    }).finally(() => ended(withoutSecrets(url))),
  );
  const answered = outcomes.filter((outcome) => "source" in outcome);
  const silent = outcomes.filter((outcome) => "silence" in outcome);
  const missing = chosen.names?.find(
    (name) => !answered.some(({ source }) => isNamed(source, [name])),
  );
  if (chosen.names !== undefined && missing === undefined) return settle(answered, []);
  if (missing !== undefined && silent.length === 0) {
    const names = answered.map(({ source }) => source.name).join(", ");
    throw new ConfigurationError([`--source: there is no source ${missing}; there are: ${names}`]);
  }
  return settle(answered, silent);
}

interface Answered<Result> {
  readonly source: OpenSource;
  readonly answer?: Result;
}

function settle<Result>(
  answered: readonly Answered<Result>[],
  silent: readonly Unanswered[],
): Answers<Result> {
  const silences = (isUnreachable: boolean): readonly Silence[] =>
    silent.filter((one) => one.isUnreachable === isUnreachable).map(({ silence }) => silence);
  return {
    answers: answered.flatMap(({ answer }) => (answer === undefined ? [] : [answer])),
    unreachable: silences(true),
    failed: silences(false),
  };
}

/** Addresses are known without asking; names and ids only to the databases. */
export function chooseUrls(urls: readonly string[], wanted: readonly string[] | undefined) {
  if (wanted === undefined) return { urls };
  const addressed = urls.filter((url) => wanted.includes(withoutSecrets(url)));
  const addresses = addressed.map(withoutSecrets);
  if (wanted.every((name) => addresses.includes(name))) return { urls: addressed };
  return { urls, names: wanted };
}

function isNamed({ name, sourceId, url }: OpenSource, names: readonly string[]): boolean {
  return [name, sourceId, withoutSecrets(url)].some((one) => names.includes(one));
}

async function askOne<Result>(
  url: string,
  limits: AskOptions,
  stragglers: Stragglers,
  ask: (source: OpenSource) => Promise<Answered<Result>>,
): Promise<Answered<Result> | Unanswered> {
  const began = performance.now();
  let isAtWork = false;
  const isStraggler = (elapsedMs: number) => {
    if (limits.timeout !== undefined) return false;
    if (isAtWork && limits.waitsForWork === true) return false;
    return stragglers.isStraggler(elapsedMs, isAtWork && limits.waitsForWork === "among-few");
  };
  let name = withoutSecrets(url);
  try {
    const answer = await withPool(url, limits, isStraggler, async (pool, signal) => {
      const source = await readSource(pool);
      name = source.name;
      isAtWork = true;
      return await ask({ ...source, url, pool, signal });
    });
    stragglers.answered(performance.now() - began);
    return answer;
  } catch (error) {
    // A mistake in what was asked ends the asking.
    const told = describeSilence(name, error);
    // One that refuses has answered, too.
    if (told.isUnreachable) stragglers.failed();
    else stragglers.answered(performance.now() - began);
    return told;
  }
}

/**
 * Asks one database that is no source, such as the central store, and gives its answer in the same shape.
 *
 * @param name how it is called where it could not be asked.
 */
export async function askDatabase<Result>(
  url: string,
  limits: AskOptions,
  name: string,
  ask: (pool: Pool, signal: AbortSignal) => Promise<Result>,
): Promise<Answers<Result>> {
  try {
    return {
      answers: [await withPool(url, limits, () => false, ask)],
      unreachable: [],
      failed: [],
    };
  } catch (error) {
    return settle<Result>([], [describeSilence(name, error)]);
  }
}

/** @throws {NoAnswerError} where the database has had its time, or the asking was ended. */
async function withPool<Result>(
  url: string,
  {
    timeout,
    mostS = defaultTimeoutS,
    signal,
    connections = 1,
    answerBytes,
    applicationName = "centralcloud-cli",
    takeTurn,
  }: AskOptions,
  isStraggler: (elapsedMs: number) => boolean,
  ask: (pool: Pool, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const mostMs = (timeout ?? mostS) * 1_000;
  const pool = createPool(url, {
    applicationName,
    max: connections,
    // Soon after nobody waits any longer, the server stops, too.
    queryTimeoutMs: mostMs + serverStopsWithinMs,
    ...(answerBytes === undefined ? {} : { answerBytes }),
  });
  const late = new AbortController();
  let ended: Promise<void> | undefined;
  const giveUp = (words: string) => {
    if (late.signal.aborted) return;
    late.abort(new NoAnswerError(words));
    ended = endPool(pool, 0);
  };
  const onAbort = () => giveUp("before the asking was ended");
  const stopWatch = watchAnswer({ mostMs, isStraggler }, (elapsedMs, holdsUpOthers) => {
    if (!holdsUpOthers) return giveUp(`within ${mostMs / 1_000} seconds`);
    const seconds = Math.round(elapsedMs / 100) / 10;
    giveUp(`within ${seconds} seconds, while the others did; a --timeout waits longer`);
  });
  signal?.addEventListener("abort", onAbort, { once: true });
  let endTurn: (() => void) | undefined;
  try {
    if (signal?.aborted) onAbort();
    endTurn = await takeTurn?.(url, late.signal);
    return await ask(pool, late.signal);
  } catch (error) {
    throw late.signal.aborted ? late.signal.reason : error;
  } finally {
    stopWatch();
    signal?.removeEventListener("abort", onAbort);
    await (ended ?? endPool(pool, 1_000));
    endTurn?.();
  }
}

/** What is asked of a source where only its identity is wanted. */
export async function identify({ sourceId, name, url }: OpenSource): Promise<KnownSource> {
  return { sourceId, name, url };
}
