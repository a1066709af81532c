import {
  groupLetters,
  type LetterGroups,
  type LetterPage,
  type LetterSummary,
  maxGroupsOfPlace,
  mergeGroups,
} from "@centralcloud/dead-letters";
import {
  askFilteredDeadLetters,
  type DeadLetterOptions,
  readDeadLetters,
} from "@centralcloud/inspect";
import type { Environment } from "@centralcloud/service";
import { shorten } from "@centralcloud/service";
import { Command, Option } from "commander";
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
import { readUsage } from "./scope.ts";
import { addFilterOptions, type FilterOptions, readFilter, wholeNumberUpTo } from "./selection.ts";

interface ListOptions extends FilterOptions, SourceOptions {
  readonly reason?: readonly string[];
  readonly groups?: true;
  readonly limit: number;
  readonly after?: string;
  readonly messages?: true;
  readonly json?: true;
}

export function listCommand(environment: Environment): Command {
  const command = new Command("list").description("dead letters, newest first, a page at a time");
  return addFilterOptions(command)
    .addOption(timeoutOption())
    .addOption(
      new Option("--reason <reason>", "the same as --letter-reason").argParser(
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option("--groups", "counts by what they died of, in place of the letters")
    .option("--limit <number>", "letters of a page, or groups", wholeNumberUpTo(1000), 50)
    .option("--after <cursor>", "the page after the one that ended with this cursor")
    .option("--messages", "with --json: the original messages, too, unless they are long")
    .option("--json", "one JSON document on standard output")
    .action(async (options: ListOptions) => {
      const { limit, after, groups, messages, json, reason = [], letterReason = [] } = options;
      const reasons = [...letterReason, ...reason];
      const given = reasons.length > 0 ? { ...options, letterReason: reasons } : options;
      const filter = await readUsage(command, () => readFilter(given));
      if (groups) {
        const asked = await readUsage(command, () =>
          askFilteredDeadLetters(readSourceUrls(environment), askingOf(options), filter, (scope) =>
            groupLetters(scope, filter, { limit: maxGroupsOfPlace }),
          ),
        );
        const found = mergeGroups(asked.answers, limit);
        if (json) print(JSON.stringify({ ...found, ...missingOf(asked) }));
        else showText(asked, formatGroups(found));
        assertComplete(asked);
      } else {
        const asked = await readUsage(command, () =>
          readDeadLetters(readSourceUrls(environment), askingOf(options), filter, {
            limit,
            withMessages: messages === true,
            ...(after === undefined ? {} : { after }),
          }),
        );
        const page = asked.answers[0] ?? { letters: [], next: null };
        if (json) print(formatJson(page, missingOf(asked)));
        else showText(asked, formatPage(page));
        assertComplete(asked);
      }
    });
}

/** Which sources and queues are asked, and for how long. */
function askingOf({ source, queue, timeout }: ListOptions): DeadLetterOptions {
  return {
    ...(source === undefined ? {} : { source }),
    ...(queue === undefined ? {} : { queue }),
    ...(timeout === undefined ? {} : { timeout }),
  };
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

function formatGroups({ groups, others }: LetterGroups): string {
  const lines = groups.map(({ count, reason, code, error, queue, oldestAt, newestAt }) => {
    const what = shorten(`${reason ?? "no reason"}: ${error ?? code ?? "no error"}`, 120);
    const when = `${oldestAt.slice(0, 19)}Z to ${newestAt.slice(0, 19)}Z`;
    return `${count} × ${what}\n    ${queue}, ${shorten(code ?? "no code", 40)}, ${when}`;
  });
  if (others > 0) lines.push(`${others} × others; --limit shows more`);
  return lines.length === 0 ? "(none)" : lines.join("\n");
}
