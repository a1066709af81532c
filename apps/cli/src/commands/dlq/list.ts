import { type LetterPage, type LetterSummary, maskSummary } from "@centralcloud/dead-letters";
import { readDeadLetters } from "@centralcloud/inspect";
import { type Environment, shorten } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable } from "../../format-table.ts";
import { print } from "../../output.ts";
import { RawJson, writeJson } from "../../raw-json.ts";
import { type Missing, missingOf, showText } from "../../show-answers.ts";
import {
  assertComplete,
  readSourceUrls,
  type SourceOptions,
  timeoutOption,
} from "../../sources.ts";
import { showGroups } from "./groups.ts";
import { readUsage } from "./scope.ts";
import {
  addFilterOptions,
  addReasonOption,
  askingOf,
  type FilterOptions,
  readListFilter,
  wholeNumberUpTo,
} from "./selection.ts";

interface ListOptions extends FilterOptions, SourceOptions {
  readonly reason?: readonly string[];
  readonly groups?: true;
  readonly limit: number;
  readonly after?: string;
  readonly messages?: true;
  readonly json?: true;
}

export function listCommand(environment: Environment): Command {
  const command = new Command("list").description(
    "dead letters, newest first, a page at a time; contents are masked",
  );
  return addReasonOption(addFilterOptions(command))
    .addOption(timeoutOption())
    .option("--groups", "the same as `dlq groups`")
    .option("--limit <number>", "how many on a page, or how many groups", wholeNumberUpTo(1000), 50)
    .option("--after <cursor>", "the next page: the text that a page ended with")
    .option("--messages", "with --json: the original messages, too, masked, unless they are long")
    .option("--json", "one JSON document on standard output")
    .action(async (options: ListOptions) => {
      const { limit, after, groups, messages, json } = options;
      const filter = await readUsage(command, () => readListFilter(options));
      if (groups) return await showGroups(command, environment, options, filter);
      const asked = await readUsage(command, () =>
        readDeadLetters(readSourceUrls(environment), askingOf(options), filter, {
          limit,
          withMessages: messages === true,
          ...(after === undefined ? {} : { after }),
        }),
      );
      const { letters, next } = asked.answers[0] ?? { letters: [], next: null };
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
    ...(originalMessage === null ? {} : { originalMessage: new RawJson(originalMessage) }),
  }));
  return writeJson({ letters: rows, next, ...missing });
}
