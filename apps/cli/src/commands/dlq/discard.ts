import { discardLetters, previewLetterAction } from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { withInterrupt } from "../../interrupt.ts";
import {
  addBulkOptions,
  type BulkOptions,
  describePreview,
  describeRest,
  failWhenInterrupted,
  readRequest,
} from "./action.ts";
import { readBulkFilter } from "./bulk-filter.ts";
import { withCentralScope, withScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions } from "./selection.ts";

export function discardCommand(environment: Environment): Command {
  const command = new Command("discard")
    .description("archives letters without sending their messages again; deletes nothing")
    .argument("[ids...]", "letters by id; else give filters, or --all");
  return addBulkOptions(addFilterOptions(command), "letter").action(
    async (ids: readonly string[], options: FilterOptions & BulkOptions) => {
      const { dryRun, json, rate } = options;
      const request = dryRun ? undefined : readRequest(command, options);
      const { filter, all } = readBulkFilter(command, options, ids);
      if (request === undefined) {
        return await withScope(command, environment, options, async (scope) => {
          const preview = await previewLetterAction(scope, filter, "discard", { all });
          const { letters, settledBefore } = preview;
          const result = { dryRun: true, letters, alreadyDiscarded: settledBefore };
          console.log(json ? JSON.stringify(result) : describePreview(preview, "discarded"));
        });
      }
      const report = await withCentralScope(command, environment, options, (scope, central) =>
        withInterrupt((signal) => {
          const pace = { signal, ...(rate === undefined ? {} : { rate }) };
          return discardLetters(scope, filter, { central, request, all, ...pace });
        }),
      );
      const { moved: discarded, settledBefore: alreadyDiscarded, ...rest } = report;
      const { actionId } = report;
      const done = `discarded ${discarded} letters${actionId === null ? "" : ` (action ${actionId})`}`;
      const text = [done, ...describeRest(report, "discarded")].join("\n");
      const result = { dryRun: false, discarded, ...rest, alreadyDiscarded };
      console.log(json ? JSON.stringify(result) : text);
      failWhenInterrupted(report, "the same command goes on");
    },
  );
}
