import {
  countRestorable,
  type RestoreReport,
  restoreDeadLetters,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { print } from "../../output.ts";
import { interruptible } from "../../progress.ts";
import { readTogether } from "../read-together.ts";
import {
  addBulkOptions,
  type BulkOptions,
  failUnlessDone,
  readRequest,
  showActionProgress,
} from "./action.ts";
import { readBulkFilter } from "./bulk-filter.ts";
import { readDatabases, withCentralScope, withPreviewedScope } from "./scope.ts";
import { addFilterOptions, deadLetterId, type FilterOptions } from "./selection.ts";

interface RestoreCommandOptions extends FilterOptions, BulkOptions {
  readonly action?: string;
}

export function restoreCommand(environment: Environment): Command {
  const command = new Command("restore")
    .description("undoes a discard: puts dead letters back from the archive, as they were")
    .argument("[ids...]", "dead letters by id; else give --action, filters, or --all");
  return addBulkOptions(addFilterOptions(command), "discarded dead letter")
    .option("--action <id>", "dead letters that this action has discarded", deadLetterId)
    .action(async (ids: readonly string[], options: RestoreCommandOptions) => {
      const { action, dryRun, json, rate } = options;
      const { request, selected } = await readTogether({
        request: () => (dryRun ? undefined : readRequest(options)),
        selected: () => readBulkFilter(options, ids, action !== undefined),
        databases: () => readDatabases(environment, dryRun),
      });
      const { filter, ...bulk } = selected;
      const selection = { filter, ...(action === undefined ? {} : { action }) };
      if (request === undefined) {
        return await withPreviewedScope(command, environment, options, async (scope) => {
          const deadLetters = await countRestorable(scope, selection, bulk);
          const text = `would be restored: ${deadLetters} dead letters (nothing was changed)`;
          print(json ? JSON.stringify({ dryRun: true, deadLetters }) : text);
        });
      }
      const report = await withCentralScope(command, environment, options, (scope, central) =>
        interruptible((signal) => {
          const onProgress = showActionProgress("dead letters");
          const rateLimit = { signal, onProgress, ...(rate === undefined ? {} : { rate }) };
          return restoreDeadLetters(scope, selection, { central, request, ...bulk, ...rateLimit });
        }),
      );
      const { moved: restored, ...rest } = report;
      print(json ? JSON.stringify({ dryRun: false, restored, ...rest }) : describe(report));
      failUnlessDone(report, "the same command");
    });
}

function describe({ actionId, moved, renumbered, present, remaining }: RestoreReport): string {
  return [
    `restored ${moved} dead letters (action ${actionId})`,
    ...(renumbered > 0
      ? [`${renumbered} of them have another id, because theirs was not free`]
      : []),
    ...(present.length > 0 ? [`${present.length} were there: ${present.join(", ")}`] : []),
    ...(remaining > 0
      ? [`${remaining} stay in the archive: they are in the queue already, or locked by others`]
      : []),
  ].join("\n");
}
