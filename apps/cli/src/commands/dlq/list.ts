import {
  type DeadLetterPage,
  type DeadLetterSummary,
  maskSummary,
} from "@centralcloud/dead-letters";
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
      const { deadLetters, next } = asked.answers[0] ?? { deadLetters: [], next: null };
      const page = { deadLetters: deadLetters.map(maskSummary), next };
      if (json) print(formatJson(page, missingOf(asked)));
      else showText(asked, formatPage(page));
      assertComplete(asked);
    });
}

function formatPage({ deadLetters, next }: DeadLetterPage): string {
  const table = formatTable(deadLetters.map(describe));
  return next === null ? table : `${table}\n\nmore: --after ${next}`;
}

function describe(deadLetter: DeadLetterSummary) {
  return {
    source: printableOr(deadLetter.source, 40),
    queue: deadLetter.queue,
    id: deadLetter.id,
    died: `${deadLetter.at.slice(0, 19)}Z`,
    reason: printableOr(deadLetter.reason, 20),
    code: printableOr(deadLetter.code, 20),
    error: printableOr(deadLetter.error, 60),
    message: deadLetter.originalId,
    attempts: deadLetter.attemptCount,
    replays: deadLetter.replayCount,
  };
}

function printableOr(text: string | null, length: number): string | null {
  return text === null ? null : shorten(text, length);
}

function formatJson({ deadLetters, next }: DeadLetterPage, missing: Missing): string {
  const rows = deadLetters.map(({ originalMessage, ...deadLetter }) => ({
    ...deadLetter,
    ...(originalMessage === null ? {} : { originalMessage: new RawJson(originalMessage) }),
  }));
  return writeJson({ deadLetters: rows, next, ...missing });
}
