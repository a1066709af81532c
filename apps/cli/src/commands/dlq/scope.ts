import { assertCentralStore } from "@centralcloud/central";
import { databaseVariables } from "@centralcloud/consumer";
import { queueNames } from "@centralcloud/contracts";
import {
  type DeadLetterScope,
  type DeadLetterSource,
  EditRefusedError,
  ImportLineError,
  SelectionError,
} from "@centralcloud/dead-letters";
import { askDeadLetters } from "@centralcloud/inspect";
import { assertReachable, codeOf, createPool, endPool, sqlState } from "@centralcloud/postgres";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import type { Command } from "commander";
import type { Pool } from "pg";
import {
  type Answers,
  askSources,
  assertComplete,
  identify,
  identifySources,
  isOutOfReach,
  type KnownSource,
  readSourceUrls,
  type SourceOptions,
  withRemedy,
} from "../../sources.ts";
import type { ScopeOptions } from "./selection.ts";

const applicationName = "centralcloud-dlq";

/** Bytes of one answer that may have a whole dead letter in it; a longer dead letter stays where it is. */
export const deadLetterAnswerBytes = 256 * 1024 * 1024;

/**
 * Which databases an action is for, before anything is asked of them.
 *
 * @param sourcesOnly for one that only counts, which takes no central store.
 * @throws {ConfigurationError}
 */
export function readDatabases(environment: Environment, sourcesOnly = false): void {
  if (sourcesOnly) readSourceUrls(environment);
  else parseConfiguration(databaseVariables, environment);
}

/** Connects the sources that the options choose, for as long as the work takes: all of them, or nothing is done. */
async function withScope<Result>(
  command: Command,
  environment: Environment,
  options: ScopeOptions,
  work: (scope: DeadLetterScope) => Promise<Result>,
): Promise<Result> {
  const found = await identifySources(readSourceUrls(environment), options);
  return await inScope(command, options, found, work);
}

/** A statement of a preview may take so long, in milliseconds. */
const previewStatementMs = 60_000;

/**
 * The same for a preview, which changes nothing: it is of all of them, too, but one that holds up the others is named soon,
 * and none is waited for without end.
 */
export async function withPreviewedScope<Result>(
  command: Command,
  environment: Environment,
  options: ScopeOptions,
  work: (scope: DeadLetterScope) => Promise<Result>,
): Promise<Result> {
  const asked = await askSources(readSourceUrls(environment), options, identify);
  assertComplete(asked);
  return await inScope(command, options, asked.answers, work, previewStatementMs);
}

async function inScope<Result>(
  command: Command,
  { queue = queueNames }: ScopeOptions,
  found: readonly KnownSource[],
  work: (scope: DeadLetterScope) => Promise<Result>,
  queryTimeoutMs?: number,
): Promise<Result> {
  const sources = found.map(({ url, ...source }): DeadLetterSource => {
    return {
      ...source,
      pool: createPool(url, {
        applicationName,
        max: 1,
        answerBytes: deadLetterAnswerBytes,
        ...(queryTimeoutMs === undefined ? {} : { queryTimeoutMs }),
      }),
    };
  });
  try {
    return await work({ sources, queues: queue });
  } catch (error) {
    const urls = found.map(({ url }) => url);
    return await explain(command, error, urls);
  } finally {
    await Promise.all(sources.map(({ pool }) => endPool(pool, 1_000)));
  }
}

/** Asks each source that the options choose about its dead letters; one that does not answer takes nothing from the others. */
export async function askScopes<Result>(
  command: Command,
  environment: Environment,
  options: ScopeOptions & SourceOptions,
  ask: (scope: DeadLetterScope) => Promise<Result>,
): Promise<Answers<Result>> {
  return await askDeadLetters(readSourceUrls(environment), options, ask).catch((error: unknown) =>
    explain(command, error, []),
  );
}

/** The same with the central database, which must answer before anything is done. */
export async function withCentralScope<Result>(
  command: Command,
  environment: Environment,
  options: ScopeOptions,
  work: (scope: DeadLetterScope, central: Pool) => Promise<Result>,
): Promise<Result> {
  return await withCentral(environment, (central, url) =>
    withScope(command, environment, options, async (scope) => {
      try {
        return await work(scope, central);
      } catch (error) {
        if (isOutOfReach(error)) await assertReachable([url]);
        throw error;
      }
    }),
  );
}

/** Connects the central database, which must answer before anything is done. */
export async function withCentral<Result>(
  environment: Environment,
  work: (central: Pool, url: string) => Promise<Result>,
): Promise<Result> {
  const { CENTRAL_DATABASE_URL } = databaseVariables;
  const values = parseConfiguration({ CENTRAL_DATABASE_URL }, environment);
  const url = values.CENTRAL_DATABASE_URL;
  await assertReachable([url]);
  const central = createPool(url, { applicationName, max: 1 });
  try {
    await assertCentralStore(central).catch((error: unknown) => {
      throw explained(error);
    });
    return await work(central, url);
  } finally {
    await endPool(central, 1_000);
  }
}

/** The same, and without the central database where it does not answer or lets nobody in: for work that only looks. */
export async function withCentralIfAny<Result>(
  environment: Environment,
  work: (central: Pool | undefined) => Promise<Result>,
): Promise<Result> {
  let isOpen = false;
  try {
    return await withCentral(environment, (central) => {
      isOpen = true;
      return work(central);
    });
  } catch (error) {
    if (isOpen) throw error;
    return await work(undefined);
  }
}

/** Connects those sources, whatever becomes of the others. */
export async function withSources<Result>(
  command: Command,
  found: readonly KnownSource[],
  work: (sources: readonly DeadLetterSource[]) => Promise<Result>,
): Promise<Result> {
  return await inScope(command, {}, found, ({ sources }) => work(sources));
}

/** Reads what the operator gave; a mistake ends the command with exit code 2. */
export async function readUsage<Value>(
  command: Command,
  read: () => Value | Promise<Value>,
): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SelectionError) return command.error(`error: ${error.message}`);
    throw error;
  }
}

/** Wrong usage ends with exit code 2, a connection that was lost with 3. */
async function explain(command: Command, error: unknown, urls: readonly string[]): Promise<never> {
  const isUsage =
    error instanceof SelectionError ||
    error instanceof EditRefusedError ||
    error instanceof ImportLineError;
  if (isUsage) command.error(`error: ${error.message.replace("`all`", "--all")}`);
  if (isOutOfReach(error)) await assertReachable(urls);
  throw explained(error);
}

function explained(error: unknown): unknown {
  return codeOf(error) === sqlState.insufficientPrivilege
    ? new Error(withRemedy(error), { cause: error })
    : error;
}
