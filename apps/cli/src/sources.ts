import { databaseVariables } from "@centralcloud/consumer";
import { readSource, type Source } from "@centralcloud/db";
import { SelectionError } from "@centralcloud/dead-letters";
import {
  classifyFault,
  codeOf,
  createPool,
  endPool,
  messageOf,
  sqlState,
  withoutSecrets,
} from "@centralcloud/postgres";
import {
  ConfigurationError,
  type Environment,
  mapInTurn,
  parseConfiguration,
  printable,
} from "@centralcloud/service";
import { type Command, Option } from "commander";
import type { Pool } from "pg";
import { collect, duration } from "./commands/options.ts";
import { countAnswers } from "./progress.ts";

/** @throws {ConfigurationError} */
export function readSourceUrls(environment: Environment): readonly string[] {
  const { SOURCE_DATABASE_URLS } = databaseVariables;
  return parseConfiguration({ SOURCE_DATABASE_URLS }, environment).SOURCE_DATABASE_URLS;
}

/** Which sources a command asks, and how long it waits for each. */
export interface SourceOptions {
  /** By name, id or address; every source where none is named. */
  readonly source?: readonly string[];
  /** Seconds; default: {@link defaultTimeoutS}. */
  readonly timeout?: number;
  /** Connections to each; default: 1. */
  readonly connections?: number;
  /** Bytes of one answer at most; default: 16 MiB. */
  readonly answerBytes?: number;
}

const defaultTimeoutS = 15;

/** Until a server gives up a statement whose answer nobody waits for any more, in milliseconds. */
const serverStopsWithinMs = 2_000;

export function sourceOption(): Option {
  const help = "of this source only, by name, id or address; may be repeated";
  return new Option("--source <name>", help).argParser(collect);
}

/** For commands that ask every source and show what those say that answer. */
export function addSourceOptions(command: Command, timeoutS = defaultTimeoutS): Command {
  return command.addOption(sourceOption()).addOption(timeoutOption(timeoutS));
}

export function timeoutOption(defaultS = defaultTimeoutS): Option {
  return new Option("--timeout <duration>", "how long each source may take to answer")
    .default(defaultS, `${defaultS}s`)
    .argParser(duration);
}

/** A source that could not be asked. */
export interface Silence {
  /** Its name where that is known, else its address. */
  readonly source: string;
  readonly reason: string;
}

/** What the sources said, and which of them could not be asked. */
export interface Answers<Result> {
  /** In the order of the configuration. */
  readonly answers: readonly Result[];
  /** No connection, or no answer in time. */
  readonly unreachable: readonly Silence[];
  /** Reached, and refused: not migrated, no right to look. */
  readonly failed: readonly Silence[];
}

export interface KnownSource extends Source {
  readonly url: string;
}

/** A source that is connected: one connection, for as long as the command asks it. */
export interface OpenSource extends KnownSource {
  readonly pool: Pool;
  /** Aborted when it has had its time. */
  readonly signal: AbortSignal;
}

/**
 * Few enough sources at a time that many of one server do not use up its connections; and one that has not said its
 * name within a second does not delay the others any more.
 */
const turns = { limit: 16, patienceMs: 1_000 };

/**
 * Asks each source the same, several at a time, over one connection each. A source that is away, hangs or
 * refuses takes nothing from the others: it is named in the result.
 *
 * @throws {ConfigurationError} where `--source` names one that there is not.
 */
export async function askSources<Result>(
  urls: readonly string[],
  { source: wanted, timeout = defaultTimeoutS, ...limits }: SourceOptions,
  ask: (source: OpenSource) => Promise<Result>,
): Promise<Answers<Result>> {
  const chosen = chooseUrls(urls, wanted);
  const tellAnswered = countAnswers(chosen.urls.map(withoutSecrets), "sources");
  const outcomes = await mapInTurn(chosen.urls, turns, (url, told) =>
    askOne(url, { timeout, ...limits }, async (source) => {
      told();
      const isAsked = chosen.names === undefined || isNamed(source, chosen.names);
      return isAsked ? { source, answer: await ask(source) } : { source };
    }).finally(() => tellAnswered(withoutSecrets(url))),
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

interface Unanswered {
  readonly silence: Silence;
  readonly isUnreachable: boolean;
}

function settle<Result>(
  answered: readonly Answered<Result>[],
  silent: readonly Unanswered[],
): Answers<Result> {
  const silences = (isUnreachable: boolean) =>
    silent.filter((one) => one.isUnreachable === isUnreachable).map(({ silence }) => silence);
  return {
    answers: answered.flatMap(({ answer }) => (answer === undefined ? [] : [answer])),
    unreachable: silences(true),
    failed: silences(false),
  };
}

/** Addresses are known without asking; names and ids only to the databases. */
function chooseUrls(urls: readonly string[], wanted: readonly string[] | undefined) {
  if (wanted === undefined) return { urls };
  const addressed = urls.filter((url) => wanted.includes(withoutSecrets(url)));
  const addresses = addressed.map(withoutSecrets);
  if (wanted.every((name) => addresses.includes(name))) return { urls: addressed };
  return { urls, names: wanted };
}

/**
 * The addresses of the sources that are named, or of all. Only for a name or an id are sources asked.
 *
 * @throws {ConfigurationError} {@link SourcesMissingError}
 */
export async function chooseSourceUrls(
  urls: readonly string[],
  wanted: readonly string[] | undefined,
): Promise<readonly string[]> {
  const chosen = chooseUrls(urls, wanted);
  if (chosen.names === undefined) return chosen.urls;
  return (await identifySources(urls, { source: chosen.names })).map(({ url }) => url);
}

function isNamed({ name, sourceId, url }: OpenSource, names: readonly string[]): boolean {
  return [name, sourceId, withoutSecrets(url)].some((one) => names.includes(one));
}

async function askOne<Result>(
  url: string,
  { timeout, connections = 1, answerBytes }: SourceOptions & { readonly timeout: number },
  ask: (source: OpenSource) => Promise<Answered<Result>>,
): Promise<Answered<Result> | Unanswered> {
  const pool = createPool(url, {
    applicationName: "centralcloud-cli",
    max: connections,
    // Soon after the command waits no longer, the server stops, too.
    queryTimeoutMs: timeout * 1_000 + serverStopsWithinMs,
    ...(answerBytes === undefined ? {} : { answerBytes }),
  });
  let ended: Promise<void> | undefined;
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    ended = endPool(pool, 0);
  }, timeout * 1_000);
  let name = withoutSecrets(url);
  try {
    const source = await readSource(pool);
    name = source.name;
    return await ask({ ...source, url, pool, signal: late.signal });
  } catch (error) {
    return explain(name, late.signal.aborted ? new NoAnswerError(timeout) : error);
  } finally {
    clearTimeout(timer);
    await (ended ?? endPool(pool, 1_000));
  }
}

class NoAnswerError extends Error {
  constructor(timeoutS: number) {
    super(`it did not answer within ${timeoutS} seconds`);
    this.name = "NoAnswerError";
  }
}

/** What one source can't do is told. A mistake in what was asked is one everywhere, and ends the command. */
function explain(source: string, error: unknown): Unanswered {
  const reason = withRemedy(error);
  if (error instanceof NoAnswerError) return { silence: { source, reason }, isUnreachable: true };
  const isUnreachable = isOutOfReach(error);
  if (isUnreachable) return { silence: { source, reason }, isUnreachable };
  // What a source answers may be of other types than ours, or of none.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) {
    const words = `what it answers can't be understood: ${reason}`;
    return { silence: { source, reason: words }, isUnreachable };
  }
  // Other errors that nobody has given a code are mistakes of ours.
  if (error instanceof SelectionError || codeOf(error) === undefined) throw error;
  return { silence: { source, reason }, isUnreachable };
}

/** Whether an error means that a database is not there, does not answer, or does not let us in. */
export function isOutOfReach(error: unknown): boolean {
  const { owner, scope } = classifyFault(error);
  return owner === "nobody" && scope === "database";
}

/** What this build asks for, and a database does not have. */
const missingStates: readonly (string | undefined)[] = [
  sqlState.undefinedSchema,
  sqlState.undefinedTable,
  sqlState.undefinedFunction,
  sqlState.undefinedColumn,
];

/** The words of an error, with what makes that which a database lacks. */
export function withMigration(error: unknown): string {
  const reason = messageOf(error);
  if (!missingStates.includes(codeOf(error))) return reason;
  return `a database is not migrated, or by another build than this: run \`centralcloud migrate\` (${reason})`;
}

/** The same, with what a login needs that a source has refused. */
export function withRemedy(error: unknown): string {
  const reason = withMigration(error);
  if (codeOf(error) !== sqlState.insufficientPrivilege) return reason;
  return (
    `${reason}: looking at a source takes a member of centralcloud_consumer, acting on dead letters ` +
    "one of centralcloud_owner on both sides; let an administrator grant that role to the login"
  );
}

/** Something was not asked of every source that it was meant for. */
export class SourcesMissingError extends Error {
  readonly isUnreachable: boolean;
  constructor({ unreachable, failed }: Pick<Answers<unknown>, "unreachable" | "failed">) {
    const lines = [
      ...unreachable.map(
        ({ source, reason }) => `${printable(source)} can't be reached: ${printable(reason)}`,
      ),
      ...failed.map(
        ({ source, reason }) => `${printable(source)} could not be asked: ${printable(reason)}`,
      ),
    ];
    super(lines.join("\n"));
    this.name = "SourcesMissingError";
    this.isUnreachable = unreachable.length > 0;
  }
}

/** @throws {SourcesMissingError} */
export function assertComplete(answers: Answers<unknown>): void {
  const { unreachable, failed } = answers;
  if (unreachable.length + failed.length > 0) throw new SourcesMissingError(answers);
}

/** The sources that the options choose, once all of them can be reached. @throws {SourcesMissingError} */
export async function identifySources(
  urls: readonly string[],
  options: SourceOptions,
): Promise<readonly KnownSource[]> {
  const found = await askSources(urls, options, identify);
  assertComplete(found);
  assertNoTwins(found.answers);
  return found.answers;
}

/** What is decided by a source's id must not be done to another database that has the same. */
function assertNoTwins(sources: readonly KnownSource[]): void {
  for (const { sourceId, url } of sources) {
    const twin = sources.find((other) => other.url !== url && other.sourceId === sourceId);
    if (twin === undefined) continue;
    const places = `${withoutSecrets(url)} and ${withoutSecrets(twin.url)}`;
    throw new ConfigurationError([
      `--source: ${places} have the same id; name one by its address, and see \`centralcloud sources list\``,
    ]);
  }
}

/** What is asked of a source where only its identity is wanted. */
export async function identify({ sourceId, name, url }: OpenSource): Promise<KnownSource> {
  return { sourceId, name, url };
}

/**
 * The one source that is named, or the only one.
 *
 * @throws {ConfigurationError} where that is not clear. {@link SourcesMissingError}
 */
export async function chooseSource(
  urls: readonly string[],
  wanted: string | undefined,
): Promise<KnownSource> {
  const options = wanted === undefined ? {} : { source: [wanted] };
  const [source, ...others] = await identifySources(urls, options);
  if (source !== undefined && others.length === 0) return source;
  const problem = wanted === undefined ? "there are several sources" : `several are ${wanted}`;
  const names = [source, ...others].map((one) =>
    wanted === undefined ? one?.name : one && withoutSecrets(one.url),
  );
  throw new ConfigurationError([
    `--source: ${problem}; choose one with --source: ${names.join(", ")}`,
  ]);
}
