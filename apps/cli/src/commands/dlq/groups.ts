import {
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadLetterGroups,
  groupDeadLetters,
  mergeGroups,
  type SampleCheckResult,
} from "@centralcloud/dead-letters";
import { askFilteredDeadLetters } from "@centralcloud/inspect";
import { type Environment, shorten } from "@centralcloud/service";
import { Command } from "commander";
import { print } from "../../output.ts";
import { missingOf, showText } from "../../show-answers.ts";
import {
  assertComplete,
  readSourceUrls,
  type SourceOptions,
  timeoutOption,
} from "../../sources.ts";
import { readJudgeLimits } from "./judge.ts";
import { readUsage } from "./scope.ts";
import {
  addFilterOptions,
  addReasonOption,
  askingOf,
  type FilterOptions,
  readListFilter,
  wholeNumberUpTo,
} from "./selection.ts";

interface GroupsOptions extends FilterOptions, SourceOptions {
  readonly reason?: readonly string[];
  readonly limit: number;
  readonly json?: true;
}

export function groupsCommand(environment: Environment): Command {
  const command = new Command("groups").description(
    "dead letters by what they failed with: how many, since when, from where, and what would become of them now",
  );
  return addReasonOption(addFilterOptions(command))
    .addOption(timeoutOption())
    .option("--limit <number>", "groups at most, the largest first", wholeNumberUpTo(1000), 50)
    .option("--json", "one JSON document on standard output")
    .action(async (options: GroupsOptions) => {
      const filter = await readUsage(command, () => readListFilter(options));
      await showGroups(command, environment, options, filter);
    });
}

/** Shows the groups of the dead letters that a filter selects. @throws {SourcesMissingError} once they are shown. */
export async function showGroups(
  command: Command,
  environment: Environment,
  options: GroupsOptions,
  filter: DeadLetterFilter,
): Promise<void> {
  const { limit, json } = options;
  const judge = readJudgeLimits(environment);
  const asked = await readUsage(command, () =>
    askFilteredDeadLetters(readSourceUrls(environment), askingOf(options), filter, (scope) =>
      groupDeadLetters(scope, filter, { limit, judge }),
    ),
  );
  const found = mergeGroups(asked.answers, limit);
  if (json) print(JSON.stringify({ ...found, ...missingOf(asked) }));
  else showText(asked, format(found));
  assertComplete(asked);
}

function format({ groups, others, isBound }: DeadLetterGroups): string {
  const lines = groups.map(describe);
  if (others > 0) lines.push(`${others} × others; --limit shows more`);
  if (isBound) lines.push("there are more groups than can be counted; narrow them by a filter");
  return lines.length === 0 ? "(none)" : lines.join("\n");
}

function describe(group: DeadLetterGroup): string {
  const { reason, error, code, queue, oldestAt, newestAt, fingerprint, now } = group;
  const what = shorten(`${reason ?? "no reason"}: ${error ?? code ?? "no error"}`, 120);
  const others = group.issues.slice(1).map((issue) => `${issue.path || "message"} ${issue.code}`);
  return [
    `${countOf(group)} × ${what}`,
    `${queue}, ${shorten(code ?? "no code", 40)}, ${secondOf(oldestAt)} to ${secondOf(newestAt)}`,
    ...(others.length > 0 ? [`with ${shorten(others.join(", "), 110)}`] : []),
    `--fingerprint ${fingerprint}${now === null ? "" : `, ${checkResultOf(now)}`}`,
    ...(group.sources.length > 1 ? [`from ${sourcesOf(group)}`] : []),
    ...(group.hours.length > 1 ? [`by hour: ${hoursOf(group)}`] : []),
  ].join("\n    ");
}

function countOf({ count, isBound }: { readonly count: number; readonly isBound: boolean }) {
  return isBound ? `${count} or more` : String(count);
}

function secondOf(at: string): string {
  return /^\d{4}-.{14}/.test(at) ? `${at.slice(0, 19)}Z` : at;
}

function checkResultOf({ sampled, accepted, unknown }: SampleCheckResult): string {
  if (sampled === 0) return "none short enough to be judged by a sample";
  const untold = unknown === 0 ? "" : `; of ${unknown} only the key ring tells: dlq show`;
  return `would be accepted now: ${accepted} of ${sampled} sampled${untold}`;
}

/** So many fit on a line; `--json` has all. */
const maxTold = 6;

function sourcesOf({ sources }: DeadLetterGroup): string {
  const told = sources.slice(0, maxTold).map((one) => `${shorten(one.source, 30)} ${countOf(one)}`);
  const more = sources.length > maxTold ? `, and ${sources.length - maxTold} more` : "";
  return `${told.join(", ")}${more}`;
}

/** The newest first. */
function hoursOf({ hours }: DeadLetterGroup): string {
  const told = hours.slice(0, maxTold).map(({ at, count }) => `${at.slice(0, 13)}Z ${count}`);
  return `${told.join(", ")}${hours.length > maxTold ? ", …" : ""}`;
}
