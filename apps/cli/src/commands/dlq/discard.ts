import { discardDeadLetters } from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
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
  readRequest,
  showActionProgress,
} from "./action.ts";
import { readBulkFilter } from "./bulk-filter.ts";
import { readJudge } from "./judge.ts";
import { showPreview } from "./preview.ts";
import { readDatabases, withCentralScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions } from "./selection.ts";

export function discardCommand(environment: Environment): Command {
  const command = new Command("discard")
    .description("archives dead letters without sending their messages again; deletes nothing")
    .argument("[ids...]", "dead letters by id; else give filters, or --all");
  return addDigestOption(addBulkOptions(addFilterOptions(command), "dead letter")).action(
    async (ids: readonly string[], options: FilterOptions & BulkOptions) => {
      const { dryRun, json, rate } = options;
      const { request, selection } = await readTogether({
        request: () => (dryRun ? undefined : readRequest(options)),
        selection: () => readBulkFilter(options, ids),
        databases: () => readDatabases(environment, dryRun),
      });
      const { filter, ...bulk } = selection;
      if (request === undefined) {
        const verb = { action: "discard", participle: "discarded" } as const;
        const judge = await readJudge(environment);
        return await showPreview(command, environment, options, { ...verb, selection, judge });
      }
      const report = await withCentralScope(command, environment, options, (scope, central) =>
        interruptible((signal) => {
          const onProgress = showActionProgress("dead letters");
          const rateLimit = { signal, onProgress, ...(rate === undefined ? {} : { rate }) };
          return discardDeadLetters(scope, filter, {
            central,
            request,
            ...bulk,
            ...digestOf(options),
            ...rateLimit,
          });
        }),
      );
      const { moved: discarded, settledBefore: alreadyDiscarded, ...rest } = report;
      const { actionId } = report;
      const done = `discarded ${discarded} dead letters${actionId === null ? "" : ` (action ${actionId})`}`;
      const text = [done, ...describeRest(report, "discarded")].join("\n");
      const result = { dryRun: false, discarded, ...rest, alreadyDiscarded };
      print(json ? JSON.stringify(result) : text);
      failUnlessDone(report, "the same command");
    },
  );
}
