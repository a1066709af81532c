import {
  groupLetters,
  type LetterGroups,
  type LetterPage,
  type LetterSummary,
  listLetters,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command, Option } from "commander";
import { formatTable } from "../../format-table.ts";
import { shorten } from "../../printable.ts";
import { RawJson, writeJson } from "../../raw-json.ts";
import { withScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions, readFilter, wholeNumberUpTo } from "./selection.ts";

interface ListOptions extends FilterOptions {
  readonly reason?: readonly string[];
  readonly groups?: true;
  readonly limit: number;
  readonly after?: string;
  readonly json?: true;
}

export function listCommand(environment: Environment): Command {
  const command = new Command("list").description("dead letters, newest first, a page at a time");
  return addFilterOptions(command)
    .addOption(
      new Option("--reason <reason>", "the same as --letter-reason").argParser(
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option("--groups", "counts by what they died of, in place of the letters")
    .option("--limit <number>", "letters of a page, or groups", wholeNumberUpTo(1000), 50)
    .option("--after <cursor>", "the page after the one that ended with this cursor")
    .option("--json", "one JSON document on standard output")
    .action(async (options: ListOptions) => {
      const { limit, after, groups, json, reason = [], letterReason = [] } = options;
      const reasons = [...letterReason, ...reason];
      const given = reasons.length > 0 ? { ...options, letterReason: reasons } : options;
      await withScope(command, environment, options, async (scope) => {
        const filter = readFilter(given);
        if (groups) {
          const found = await groupLetters(scope, filter, { limit });
          console.log(json ? JSON.stringify(found) : formatGroups(found));
        } else {
          const cursor = after === undefined ? {} : { after };
          const page = await listLetters(scope, filter, { limit, ...cursor });
          console.log(json ? formatJson(page) : formatPage(page));
        }
      });
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

function formatJson({ letters, next }: LetterPage): string {
  const rows = letters.map(({ originalMessage, ...letter }) => ({
    ...letter,
    originalMessage: originalMessage === null ? null : new RawJson(originalMessage),
  }));
  return writeJson({ letters: rows, next });
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
