import { deadLetterReasons } from "@centralcloud/contracts";
import {
  findUnknownReasons,
  groupLetters,
  type LetterFilter,
  type LetterGroups,
  type LetterPage,
  type LetterScope,
  type LetterSummary,
  listLetters,
  maxGroupsOfPlace,
  mergeGroups,
  mergePages,
  unknownReason,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { shorten } from "@centralcloud/service";
import { Command, Option } from "commander";
import { formatTable } from "../../format-table.ts";
import { print } from "../../output.ts";
import { RawJson, writeJson } from "../../raw-json.ts";
import { type Missing, missingOf, showText } from "../../show-answers.ts";
import { type Answers, assertComplete, type SourceOptions, timeoutOption } from "../../sources.ts";
import { collect, withChoices } from "../options.ts";
import { askScopes, readUsage } from "./scope.ts";
import { addFilterOptions, type FilterOptions, readFilter, wholeNumberUpTo } from "./selection.ts";

interface ListOptions extends FilterOptions, SourceOptions {
  readonly reason?: readonly string[];
  readonly groups?: true;
  readonly limit: number;
  readonly after?: string;
  readonly json?: true;
}

export function listCommand(environment: Environment): Command {
  const command = new Command("list").description("dead letters, newest first, a page at a time");
  return addFilterOptions(command)
    .addOption(timeoutOption())
    .addOption(
      withChoices(
        new Option("--reason <reason>", "the same as --letter-reason").argParser(collect),
        deadLetterReasons,
      ),
    )
    .option("--groups", "counts them by cause, instead of showing each")
    .option("--limit <number>", "how many on a page, or how many groups", wholeNumberUpTo(1000), 50)
    .option("--after <cursor>", "the next page: the text that a page ended with")
    .option("--json", "one JSON document on standard output")
    .action(async (options: ListOptions) => {
      const { limit, after, groups, json, reason = [], letterReason = [] } = options;
      const reasons = [...letterReason, ...reason];
      const given = reasons.length > 0 ? { ...options, letterReason: reasons } : options;
      const filter = await readUsage(command, () => readFilter(given));
      if (groups) {
        const asked = await askFiltered(command, environment, { ...options, filter }, (scope) =>
          groupLetters(scope, filter, { limit: maxGroupsOfPlace }),
        );
        const found = mergeGroups(asked.answers, limit);
        if (json) print(JSON.stringify({ ...found, ...missingOf(asked) }));
        else showText(asked, formatGroups(found));
        assertComplete(asked);
      } else {
        const cursor = after === undefined ? {} : { after };
        const asked = await askFiltered(command, environment, { ...options, filter }, (scope) =>
          listLetters(scope, filter, { limit, ...cursor }),
        );
        const page = mergePages(asked.answers, limit);
        if (json) print(formatJson(page, missingOf(asked)));
        else showText(asked, formatPage(page));
        assertComplete(asked);
      }
    });
}

/** Asks about the letters that a filter selects; a reason that no source knows ends the command. */
async function askFiltered<Result>(
  command: Command,
  environment: Environment,
  { filter, ...options }: ListOptions & { readonly filter: LetterFilter },
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

function formatPage({ letters, next }: LetterPage): string {
  const table = formatTable(letters.map(describe));
  return next === null ? table : `${table}\n\nmore: --after ${next}`;
}

function describe(letter: LetterSummary) {
  return {
    source: printableOr(letter.source, 40),
    queue: letter.queue,
    id: letter.id,
    died: `${letter.at.slice(0, 19)}Z`,
    reason: printableOr(letter.reason, 20),
    code: printableOr(letter.code, 20),
    error: printableOr(letter.error, 60),
    message: letter.originalId,
    attempts: letter.attemptCount,
    replays: letter.replayCount,
  };
}

function printableOr(text: string | null, length: number): string | null {
  return text === null ? null : shorten(text, length);
}

function formatJson({ letters, next }: LetterPage, missing: Missing): string {
  const rows = letters.map(({ originalMessage, ...letter }) => ({
    ...letter,
    originalMessage: originalMessage === null ? null : new RawJson(originalMessage),
  }));
  return writeJson({ letters: rows, next, ...missing });
}

function formatGroups({ groups, others }: LetterGroups): string {
  const lines = groups.map(({ count, reason, code, error, queue, oldestAt, newestAt }) => {
    const what = shorten(`${reason ?? "no reason"}: ${error ?? code ?? "no error"}`, 120);
    const when = `${oldestAt.slice(0, 19)}Z to ${newestAt.slice(0, 19)}Z`;
    return `${count} × ${what}\n    ${queue}, ${shorten(code ?? "no code", 40)}, ${when}`;
  });
  if (others > 0) lines.push(`${others} × others; --limit shows more`);
  return lines.length === 0 ? "(none)" : lines.join("\n");
}
