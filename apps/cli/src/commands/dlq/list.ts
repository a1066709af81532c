import {
  type LetterPage,
  type LetterSummary,
  listLetters,
  maskSummary,
  mergePages,
} from "@centralcloud/dead-letters";
import { type Environment, shorten } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../../format-table.ts";
import { print } from "../../output.ts";
import { RawJson, writeJson } from "../../raw-json.ts";
import { type Missing, missingOf, showText } from "../../show-answers.ts";
import { assertComplete, type SourceOptions, timeoutOption } from "../../sources.ts";
import { askFiltered } from "./ask-filtered.ts";
import { showGroups } from "./groups.ts";
import { readUsage } from "./scope.ts";
import {
  addFilterOptions,
  addReasonOption,
  type FilterOptions,
  readListFilter,
  wholeNumberUpTo,
} from "./selection.ts";

interface ListOptions extends FilterOptions, SourceOptions {
  readonly reason?: readonly string[];
  readonly groups?: true;
  readonly limit: number;
  readonly after?: string;
  readonly json?: true;
}

export function listCommand(environment: Environment): Command {
  const command = new Command("list").description(
    "dead letters, newest first, a page at a time; contents are masked",
  );
  return addReasonOption(addFilterOptions(command))
    .addOption(timeoutOption())
    .option("--groups", "the same as `dlq groups`")
    .option("--limit <number>", "letters of a page, or groups", wholeNumberUpTo(1000), 50)
    .option("--after <cursor>", "the page after the one that ended with this cursor")
    .option("--json", "one JSON document on standard output")
    .action(async (options: ListOptions) => {
      const { limit, after, groups, json } = options;
      const filter = await readUsage(command, () => readListFilter(options));
      if (groups) return await showGroups(command, environment, options, filter);
      const cursor = after === undefined ? {} : { after };
      const asked = await askFiltered(command, environment, options, filter, (scope) =>
        listLetters(scope, filter, { limit, ...cursor }),
      );
      const { letters, next } = mergePages(asked.answers, limit);
      const page = { letters: letters.map(maskSummary), next };
      if (json) print(formatJson(page, missingOf(asked)));
      else showText(asked, formatPage(page));
      assertComplete(asked);
    });
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
