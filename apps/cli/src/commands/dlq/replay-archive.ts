import {
  type ArchiveRange,
  countArchived,
  type ReplayArchiveReport,
  replayArchive,
  type TimeBound,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { withInterrupt } from "../../interrupt.ts";
import {
  addBulkOptions,
  type BulkOptions,
  failWhenInterrupted,
  latestBound,
  readRequest,
} from "./action.ts";
import { withCentralScope, withScope } from "./scope.ts";
import { addScopeOptions, type ScopeOptions, timeBound } from "./selection.ts";

interface ReplayArchiveCommandOptions extends ScopeOptions, BulkOptions {
  readonly from?: TimeBound;
  readonly to?: TimeBound;
}

export function replayArchiveCommand(environment: Environment): Command {
  const command = new Command("replay-archive").description(
    "moves archived messages back to their queues under their ids, to rebuild the central store",
  );
  return addBulkOptions(addScopeOptions(command), "archived message")
    .option("--from <time>", "archived since 2026-01-31T12:00:00Z, or since 2h ago", timeBound)
    .option("--to <time>", "archived until then; default: when the command begins", timeBound)
    .action(async (options: ReplayArchiveCommandOptions) => {
      const { from, to, json, rate, dryRun, all = false } = options;
      const range: ArchiveRange = { ...(from ? { from } : {}), ...(to ? { to } : {}) };
      const request = dryRun ? undefined : readRequest(command, options);
      if (!from && !to && !all) {
        command.error("error: this selects every archived message; give --from, --to, or --all");
      }
      if (request === undefined) {
        return await withScope(command, environment, options, async (scope) => {
          const messages = await countArchived(scope, range);
          const text = `would be moved back: ${messages} messages (nothing was changed)`;
          console.log(json ? JSON.stringify({ dryRun: true, messages }) : text);
        });
      }
      const report = await withCentralScope(command, environment, options, (scope, central) =>
        withInterrupt((signal) => {
          const pace = { signal, ...(rate === undefined ? {} : { rate }) };
          return replayArchive(scope, range, { central, request, all, ...pace });
        }),
      );
      console.log(json ? JSON.stringify({ dryRun: false, ...report }) : describe(report));
      const until = latestBound(report.to);
      failWhenInterrupted(report, `go on with the same command and --to ${until}`);
    });
}

function describe(report: ReplayArchiveReport): string {
  const { actionId, requeued, taken, unknownId, aheadOfSequence } = report;
  const left = (count: number, why: string) =>
    count > 0 ? [`${count} stay in the archive: ${why}`] : [];
  return [
    `moved back ${requeued} messages (action ${actionId})`,
    ...left(taken, "a message of their id is in the queue"),
    ...left(unknownId, "they do not say which id was theirs"),
    ...left(
      aheadOfSequence,
      "the queue would give their ids away again; set its sequence (…_msg_id_seq) beyond them first",
    ),
  ].join("\n");
}
