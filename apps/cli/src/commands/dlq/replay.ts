import {
  canaryDefault,
  checkEdit,
  type DeadLetterScope,
  type ReplayReport,
  replayDeadLetters,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command, Option } from "commander";
import { readNamedFile } from "../../files.ts";
import { print } from "../../output.ts";
import { interruptible } from "../../progress.ts";
import { readTogether } from "../read-together.ts";
import {
  addBulkOptions,
  addDigestOption,
  type BulkOptions,
  describeRest,
  digestOf,
  failUnlessDone,
  latestBound,
  readRequest,
  showActionProgress,
} from "./action.ts";
import { readBulkFilter } from "./bulk-filter.ts";
import { readJudge } from "./judge.ts";
import { showPreview } from "./preview.ts";
import { readDatabases, withCentralScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions, wholeNumberUpTo } from "./selection.ts";

interface ReplayCommandOptions extends FilterOptions, BulkOptions {
  readonly edit?: string;
  readonly canary?: number;
}

export function replayCommand(environment: Environment): Command {
  const command = new Command("replay")
    .description(
      "sends the original messages to their queues again and archives the dead letters; nothing is sent twice",
    )
    .argument("[ids...]", "dead letters by id; else give filters, or --all");
  return addDigestOption(addBulkOptions(addFilterOptions(command), "dead letter"))
    .addOption(
      new Option(
        "--canary [count]",
        "sends this many first, and the rest only once each of them was merged",
      )
        .preset(String(canaryDefault))
        .argParser(wholeNumberUpTo(1000)),
    )
    .option(
      "--edit <file>",
      "one dead letter only: sends the message in this file (- is standard input); the original is kept. See also `dlq edit`",
    )
    .action(async (ids: readonly string[], options: ReplayCommandOptions) => {
      const { dryRun, json, rate } = options;
      const { request, selection, judge, edit } = await readTogether({
        request: () => (dryRun ? undefined : readRequest(options)),
        selection: () => readBulkFilter(options, ids),
        judge: () => readJudge(environment),
        edit: () => readEdit(environment, options),
        databases: () => readDatabases(environment, dryRun),
      });
      const { filter, ...bulk } = selection;
      if (request === undefined) {
        const verb = { action: "replay", participle: "replayed" } as const;
        const check = async (scope: DeadLetterScope) =>
          edit === undefined ? undefined : await checkEdit(scope, filter, edit, judge);
        const previewed = { ...verb, selection, judge, check };
        return await showPreview(command, environment, options, previewed);
      }
      const report = await withCentralScope(command, environment, options, (scope, central) =>
        interruptible((signal) => {
          const onProgress = showActionProgress("dead letters");
          const rateLimit = { signal, onProgress, ...(rate === undefined ? {} : { rate }) };
          const edited = edit === undefined ? {} : { edit };
          const canary = options.canary === undefined ? {} : { canary: options.canary };
          return replayDeadLetters(scope, filter, {
            central,
            request,
            ...bulk,
            ...digestOf(options),
            judge,
            ...rateLimit,
            ...edited,
            ...canary,
          });
        }),
      );
      const { moved: _, settledBefore: alreadyReplayed, ...rest } = report;
      print(json ? JSON.stringify({ dryRun: false, ...rest, alreadyReplayed }) : describe(report));
      const until = latestBound(report.until);
      failUnlessDone(
        report,
        `the same command, with --until ${until} without what was dead-lettered since`,
      );
    });
}

async function readEdit(environment: Environment, { edit }: ReplayCommandOptions) {
  return edit === undefined ? undefined : await readNamedFile(environment, "--edit", edit);
}

function describe(report: ReplayReport): string {
  const { actionId, replayed, alreadyMerged } = report;
  return [
    `replayed ${replayed} dead letters${actionId === null ? "" : ` (action ${actionId})`}`,
    ...(alreadyMerged > 0
      ? [`${alreadyMerged} were archived and not sent: the central store has merged their messages`]
      : []),
    ...describeRest(report, "replayed"),
  ].join("\n");
}
