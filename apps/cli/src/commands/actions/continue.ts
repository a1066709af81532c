import { readAction } from "@centralcloud/central";
import {
  type ActionFile,
  continueAction,
  missingSources,
  type RunResult,
} from "@centralcloud/dead-letters";
import { type Environment, shellWord } from "@centralcloud/service";
import type { Command } from "commander";
import type { Pool } from "pg";
import { withLines } from "../../files.ts";
import { interruptible } from "../../progress.ts";
import {
  type Answers,
  askSources,
  identify,
  type KnownSource,
  readSourceUrls,
  SourcesMissingError,
  withFullTimeout,
} from "../../sources.ts";
import { showActionProgress } from "../dlq/action.ts";
import { readJudge } from "../dlq/judge.ts";
import { withSources } from "../dlq/scope.ts";

/**
 * Runs actions one after the other, here, until each is at its end, or Ctrl-C.
 *
 * @returns why not all of them came to their end.
 */
export async function continueActions(
  command: Command,
  environment: Environment,
  central: Pool,
  ids: readonly string[],
): Promise<Error | undefined> {
  if (ids.length === 0) return undefined;
  const asked = await askSources(readSourceUrls(environment), withFullTimeout({}), identify);
  return await interruptible(async (signal) => {
    let problem: Error | undefined;
    for (const id of ids) {
      if (signal.aborted) break;
      const { state, interrupted } = await run(command, central, id, { asked, signal });
      if (interrupted) {
        return new Error(`interrupted; \`centralcloud actions resume ${id}\` continues it`);
      }
      if (state !== "done") problem = new Error(`action ${id} is ${state}`);
    }
    return problem;
  });
}

/** Runs one action that takes a file of its operator's, which is kept nowhere. @returns as {@link continueActions}. */
export async function continueWithFile(
  command: Command,
  environment: Environment,
  central: Pool,
  { id, from }: { readonly id: string; readonly from: string },
): Promise<Error | undefined> {
  const judge = await readJudge(environment);
  const asked = await askSources(readSourceUrls(environment), withFullTimeout({}), identify);
  const { state, interrupted } = await withLines(environment, "--from", from, ({ open }) =>
    interruptible((signal) =>
      run(command, central, id, { asked, signal, file: { openLines: open, judge } }),
    ),
  );
  const again = `\`centralcloud actions resume ${id} --from ${shellWord(from)}\` continues it`;
  if (interrupted) return new Error(`interrupted; ${again}`);
  return state === "done" ? undefined : new Error(`action ${id} is ${state}`);
}

/** Makes the figures final of an action that was cancelled while nobody ran it. */
export async function settleAction(
  command: Command,
  environment: Environment,
  central: Pool,
  id: string,
): Promise<void> {
  const action = await readAction(central, id);
  if (action === undefined || action.finishedAt !== null) return;
  const asked = await askSources(readSourceUrls(environment), withFullTimeout({}), identify);
  await interruptible((signal) => run(command, central, id, { asked, signal }));
}

/** @throws {SourcesMissingError} where a source of the action does not answer. */
async function run(
  command: Command,
  central: Pool,
  id: string,
  {
    asked,
    signal,
    file,
  }: {
    readonly asked: Answers<KnownSource>;
    readonly signal: AbortSignal;
    readonly file?: ActionFile;
  },
): Promise<RunResult> {
  const action = await readAction(central, id);
  const found = asked.answers.filter(({ sourceId }) =>
    action?.parts.some((part) => part.sourceId === sourceId),
  );
  const isMissing = action !== undefined && missingSources(action, found).length > 0;
  if (isMissing && asked.unreachable.length + asked.failed.length > 0) {
    throw new SourcesMissingError(asked);
  }
  return await withSources(command, found, (sources) =>
    continueAction(id, {
      central,
      sources,
      signal,
      ...(file === undefined ? {} : { file }),
      onProgress: showActionProgress("messages"),
    }),
  );
}
