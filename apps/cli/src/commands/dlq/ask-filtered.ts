import {
  findUnknownReasons,
  type LetterFilter,
  type LetterScope,
  unknownReason,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import type { Command } from "commander";
import type { Answers, SourceOptions } from "../../sources.ts";
import { askScopes } from "./scope.ts";
import type { ScopeOptions } from "./selection.ts";

/** Asks about the letters that a filter selects; a reason that no source knows ends the command. */
export async function askFiltered<Result>(
  command: Command,
  environment: Environment,
  options: ScopeOptions & SourceOptions,
  filter: LetterFilter,
  ask: (scope: LetterScope) => Promise<Result>,
): Promise<Answers<Result>> {
  const asked = await askScopes(command, environment, options, async (scope) => {
    return { unknown: await findUnknownReasons(scope, filter), answer: await ask(scope) };
  });
  const isWhole = asked.unreachable.length + asked.failed.length === 0;
  const unknown = filter.reasons?.find((reason) =>
    asked.answers.every((one) => one.unknown.includes(reason)),
  );
  if (unknown !== undefined && isWhole) command.error(`error: ${unknownReason(unknown).message}`);
  return { ...asked, answers: asked.answers.map(({ answer }) => answer) };
}
