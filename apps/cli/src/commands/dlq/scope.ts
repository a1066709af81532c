import { databaseVariables } from "@centralcloud/consumer";
import { queueNames } from "@centralcloud/contracts";
import { assertCentralStore, assertReachable, createPool, readSource } from "@centralcloud/db";
import {
  EditRefusedError,
  ImportLineError,
  type LetterScope,
  type LetterSource,
  SelectionError,
} from "@centralcloud/dead-letters";
import { classifyFault } from "@centralcloud/pgmq";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import type { Command } from "commander";
import type { Pool } from "pg";
import { readSourceUrls } from "../../sources.ts";
import type { ScopeOptions } from "./selection.ts";

const applicationName = "centralcloud-dlq";

/** Connects the sources that the options choose, for as long as the work takes. */
export async function withScope<Result>(
  command: Command,
  environment: Environment,
  options: ScopeOptions,
  work: (scope: LetterScope) => Promise<Result>,
): Promise<Result> {
  const urls = readSourceUrls(environment);
  const sources: LetterSource[] = [];
  try {
    await openSources(urls, options.source ?? [], sources);
    return await work({ sources, queues: options.queue ?? queueNames });
  } catch (error) {
    return await explain(command, error, urls);
  } finally {
    for (const { pool } of sources) await pool.end();
  }
}

/** The same with the central database, which must answer before anything is done. */
export async function withCentralScope<Result>(
  command: Command,
  environment: Environment,
  options: ScopeOptions,
  work: (scope: LetterScope, central: Pool) => Promise<Result>,
): Promise<Result> {
  const { CENTRAL_DATABASE_URL } = databaseVariables;
  const values = parseConfiguration({ CENTRAL_DATABASE_URL }, environment);
  const url = values.CENTRAL_DATABASE_URL;
  await assertReachable([url]);
  const central = createPool(url, { applicationName, max: 1 });
  try {
    await assertCentralStore(central).catch((error: unknown) => {
      throw withRemedy(error);
    });
    return await withScope(command, environment, options, async (scope) => {
      try {
        return await work(scope, central);
      } catch (error) {
        if (lostConnection(error)) await assertReachable([url]);
        throw error;
      }
    });
  } finally {
    await central.end();
  }
}

/** @param sources where they go, so that those opened are closed when another fails. */
async function openSources(
  urls: readonly string[],
  wanted: readonly string[],
  sources: LetterSource[],
): Promise<void> {
  const names: string[] = [];
  const failures: unknown[] = [];
  for (const url of urls) {
    try {
      await assertReachable([url]);
    } catch (error) {
      // Where others are named, one that is down does not matter.
      if (wanted.length === 0) throw error;
      failures.push(error);
      continue;
    }
    const pool = createPool(url, { applicationName, max: 1 });
    try {
      const source = await readSource(pool);
      names.push(source.name);
      const isWanted = wanted.includes(source.name) || wanted.includes(source.sourceId);
      if (wanted.length > 0 && !isWanted) await pool.end();
      else sources.push({ ...source, pool });
    } catch (error) {
      await pool.end();
      throw error;
    }
  }
  const found = new Set(sources.flatMap(({ name, sourceId }) => [name, sourceId]));
  const missing = wanted.find((name) => !found.has(name));
  if (missing === undefined) return;
  if (failures.length > 0) throw failures[0];
  throw new SelectionError(`there is no source ${missing}; there are: ${names.join(", ")}`);
}

/** Wrong usage ends with exit code 2, a connection that was lost with 3. */
async function explain(command: Command, error: unknown, urls: readonly string[]): Promise<never> {
  const isUsage =
    error instanceof SelectionError ||
    error instanceof EditRefusedError ||
    error instanceof ImportLineError;
  if (isUsage) command.error(`error: ${error.message.replace("`all`", "--all")}`);
  if (lostConnection(error)) await assertReachable(urls);
  throw withRemedy(error);
}

/** What a login needs that a database has refused. */
function withRemedy(error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string };
  if (code !== "42501") return error;
  return new Error(
    `${message}: looking at dead letters takes a member of centralcloud_consumer, acting on them ` +
      "one of centralcloud_owner on both sides; let an administrator grant that role to the login",
    { cause: error },
  );
}

function lostConnection(error: unknown): boolean {
  const { owner, code } = classifyFault(error);
  return owner === "nobody" && /^(08|57P|E[A-Z]|unknown)/.test(code);
}
