import {
  type ArchiveRange,
  countArchived,
  type ReplayArchiveReport,
  replayArchive,
  SelectionError,
  type TimeBound,
} from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { print } from "../../output.ts";
import { interruptible } from "../../progress.ts";
import { timeBound, timeForms } from "../options.ts";
import { readTogether } from "../read-together.ts";
import {
  addBulkOptions,
  type BulkOptions,
  failUnlessDone,
  latestBound,
  readRequest,
  showActionProgress,
} from "./action.ts";
import { readDatabases, withCentralScope, withPreviewedScope } from "./scope.ts";
import { addScopeOptions, type ScopeOptions } from "./selection.ts";

interface ReplayArchiveCommandOptions extends ScopeOptions, BulkOptions {
  readonly from?: TimeBound;
  readonly to?: TimeBound;
}

export function replayArchiveCommand(environment: Environment): Command {
  const command = new Command("replay-archive").description(
    "moves archived messages back to their queues under their ids, to rebuild the central store",
  );
  return addBulkOptions(addScopeOptions(command), "archived message")
    .option("--from <time>", `archived since then: ${timeForms}`, timeBound)
    .option("--to <time>", "archived until then; default: when the command begins", timeBound)
    .action(async (options: ReplayArchiveCommandOptions) => {
      const { from, to, json, rate, dryRun, all = false } = options;
      const range: ArchiveRange = { ...(from ? { from } : {}), ...(to ? { to } : {}) };
      const { request } = await readTogether({
        request: () => (dryRun ? undefined : readRequest(options)),
        range: () => assertNarrowed(options),
        databases: () => readDatabases(environment, dryRun),
      });
      if (request === undefined) {
        return await withPreviewedScope(command, environment, options, async (scope) => {
          const messages = await countArchived(scope, range);
          const text = `would be moved back: ${messages} messages (nothing was changed)`;
          print(json ? JSON.stringify({ dryRun: true, messages }) : text);
        });
      }
      const report = await withCentralScope(command, environment, options, (scope, central) =>
        interruptible((signal) => {
          const onProgress = showActionProgress("archived messages");
          const rateLimit = { signal, onProgress, ...(rate === undefined ? {} : { rate }) };
          return replayArchive(scope, range, { central, request, all, ...rateLimit });
        }),
      );
      print(json ? JSON.stringify({ dryRun: false, ...report }) : describe(report));
      const until = latestBound(report.to);
      failUnlessDone(report, `the same command with --to ${until}`);
    });
}

/** @throws {SelectionError} where it would be every message because something was left out. */
function assertNarrowed({ from, to, all }: ReplayArchiveCommandOptions): void {
  if (from || to || all) return;
  throw new SelectionError("this selects every archived message; give --from, --to, or --all");
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
