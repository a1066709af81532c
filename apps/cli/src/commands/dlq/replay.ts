import {
  checkEdit,
  previewLetterAction,
  type ReplayReport,
  replayLetters,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { readNamedFile } from "../../files.ts";
import { withInterrupt } from "../../interrupt.ts";
import {
  addBulkOptions,
  type BulkOptions,
  describePreview,
  describeRest,
  failWhenInterrupted,
  latestBound,
  readRequest,
} from "./action.ts";
import { readBulkFilter } from "./bulk-filter.ts";
import { readJudge } from "./judge.ts";
import { withCentralScope, withScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions } from "./selection.ts";

interface ReplayCommandOptions extends FilterOptions, BulkOptions {
  readonly edit?: string;
}

export function replayCommand(environment: Environment): Command {
  const command = new Command("replay")
    .description(
      "sends the original messages to their queues again and archives the letters; running it twice sends once",
    )
    .argument("[ids...]", "letters by id; else give filters, or --all");
  return addBulkOptions(addFilterOptions(command), "letter")
    .option(
      "--edit <file>",
      "one letter only: sends the message in this file; the original is kept",
    )
    .action(async (ids: readonly string[], options: ReplayCommandOptions) => {
      const { dryRun, json, rate } = options;
      const request = dryRun ? undefined : readRequest(command, options);
      const { filter, all } = readBulkFilter(command, options, ids);
      const judge = await readJudge(environment);
      const edit =
        options.edit === undefined
          ? undefined
          : await readNamedFile(environment, "--edit", options.edit);
      if (request === undefined) {
        return await withScope(command, environment, options, async (scope) => {
          const preview = await previewLetterAction(scope, filter, "replay", { all });
          if (edit !== undefined) await checkEdit(scope, filter, edit, judge);
          const { letters, settledBefore } = preview;
          const result = { dryRun: true, letters, alreadyReplayed: settledBefore };
          console.log(json ? JSON.stringify(result) : describePreview(preview, "replayed"));
        });
      }
      const report = await withCentralScope(command, environment, options, (scope, central) =>
        withInterrupt((signal) => {
          const pace = { signal, ...(rate === undefined ? {} : { rate }) };
          const edited = edit === undefined ? {} : { edit };
          return replayLetters(scope, filter, { central, request, all, judge, ...pace, ...edited });
        }),
      );
      const { moved: _, settledBefore: alreadyReplayed, ...rest } = report;
      console.log(
        json ? JSON.stringify({ dryRun: false, ...rest, alreadyReplayed }) : describe(report),
      );
      const until = latestBound(report.until);
      failWhenInterrupted(
        report,
        `the same command goes on, with --until ${until} without letters that died since`,
      );
    });
}

function describe(report: ReplayReport): string {
  const { actionId, replayed, alreadyMerged } = report;
  return [
    `replayed ${replayed} letters${actionId === null ? "" : ` (action ${actionId})`}`,
    ...(alreadyMerged > 0
      ? [`${alreadyMerged} were archived and not sent: the central store has merged their messages`]
      : []),
    ...describeRest(report, "replayed"),
  ].join("\n");
}
