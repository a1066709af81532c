import {
  type ActionPreview,
  type DeadLetterScope,
  type JudgeOptions,
  previewDeadLetters,
  type SettledDeadLetter,
} from "@centralcloud/dead-letters";
import { type Environment, printable } from "@centralcloud/service";
import type { Command } from "commander";
import { formatTable } from "../../format-table.ts";
import { print } from "../../output.ts";
import type { BulkOptions } from "./action.ts";
import type { BulkFilter } from "./bulk-filter.ts";
import { withCentralIfAny, withPreviewedScope } from "./scope.ts";
import type { FilterOptions } from "./selection.ts";

/** What a preview is of: the verb's two forms, as the command has them. */
export interface Previewed {
  readonly action: "replay" | "discard";
  readonly participle: "replayed" | "discarded";
  readonly selection: BulkFilter;
  readonly judge: JudgeOptions;
  /** What else has to be looked at before it is shown. */
  readonly check?: (scope: DeadLetterScope) => Promise<unknown>;
}

/** Shows what a command would do, and changes nothing. */
export async function showPreview(
  command: Command,
  environment: Environment,
  options: FilterOptions & BulkOptions,
  { action, participle, selection, judge, check }: Previewed,
): Promise<void> {
  const { filter, ...bulk } = selection;
  const { json, rate } = options;
  await withCentralIfAny(environment, (central) =>
    withPreviewedScope(command, environment, options, async (scope) => {
      const preview = await previewDeadLetters(scope, filter, action, {
        ...bulk,
        judge,
        ...(rate === undefined ? {} : { rate }),
        ...(central === undefined ? {} : { central }),
      });
      await check?.(scope);
      const { settledBefore, ...rest } = preview;
      if (json)
        print(JSON.stringify({ dryRun: true, ...rest, ...nameSettled(action, settledBefore) }));
      else print(describe(preview, participle, central !== undefined));
    }),
  );
}

function nameSettled(action: Previewed["action"], settled: readonly SettledDeadLetter[]) {
  return action === "replay" ? { alreadyReplayed: settled } : { alreadyDiscarded: settled };
}

function describe(preview: ActionPreview, participle: string, isWhole: boolean): string {
  const { deadLetters, settledBefore, ledger, contract, parts, sample, seconds, digest } = preview;
  const head = [
    `would be ${participle}: ${deadLetters} dead letters (nothing was changed)`,
    ...(settledBefore.length > 0 ? [`${participle} before: ${settledBefore.length}`] : []),
  ];
  // Without the central store, or anything to do, a count is all there is to say.
  if (!isWhole || deadLetters === 0) return head.join("\n");
  const rows = parts
    .filter((part) => part.deadLetters > 0)
    .map(({ source, queue, deadLetters: count, since, until, storedBytes, reasons }) => {
      const words = reasons.slice(0, 3).map(({ reason, code, count: many }) => {
        return `${many} × ${[reason, code].filter((one) => one !== null).join(" ")}`;
      });
      const more = reasons.length > words.length ? ", …" : "";
      return {
        source,
        queue,
        deadLetters: count,
        since,
        until,
        bytes: storedBytes,
        of: `${words.join(", ")}${more}`,
      };
    });
  return [
    ...head,
    ...(ledger === null
      ? []
      : [
          `merged in fact, so nothing would be sent: ${ledger.merged} of ${ledger.checked} looked up`,
        ]),
    ...(contract === null
      ? []
      : [
          `would be refused again: ${contract.refused} of ${contract.checked} looked at${unknownOf(contract)}`,
        ]),
    `takes about ${Math.ceil(seconds)} s`,
    "",
    formatTable(rows),
    "",
    "the oldest:",
    formatTable(sample),
    "",
    `to do exactly this: the same command with --digest ${printable(digest)}`,
  ].join("\n");
}

function unknownOf({ unknown }: { readonly unknown: number }): string {
  return unknown === 0 ? "" : `, ${unknown} can't be told here`;
}
