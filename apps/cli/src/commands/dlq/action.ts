import { hostname, userInfo } from "node:os";
import type { ActionRequest, ActionState } from "@centralcloud/central";
import {
  type DeadLetterActionReport,
  type OnProgress,
  SelectionError,
} from "@centralcloud/dead-letters";
import type { Command } from "commander";
import { reportProgress } from "../../progress.ts";
import { positiveNumber } from "./selection.ts";

export interface ActionOptions {
  readonly reason?: string;
  readonly actor?: string;
  readonly idempotencyKey?: string;
  readonly json?: true;
}

export interface BulkOptions extends ActionOptions {
  readonly all?: true;
  readonly dryRun?: true;
  readonly rate?: number;
  readonly digest?: string;
}

/** What every command takes that changes something. */
export function addActionOptions(command: Command): Command {
  return command
    .option("--reason <why>", "why you do it; required, and kept in central.operator_actions")
    .option("--actor <who>", "who does it; default: your user and host")
    .option(
      "--idempotency-key <key>",
      "a command that is given again with the same key does nothing a second time",
    )
    .option("--json", "one JSON document on standard output");
}

export function addBulkOptions(command: Command, unit: string): Command {
  return addActionOptions(command)
    .option("--all", `every ${unit}; required where nothing narrows the selection`)
    .option("--dry-run", "says what would be done: changes nothing, and needs no reason")
    .option("--rate <number>", "how many a second at most; default: no limit", positiveNumber);
}

export function addDigestOption(command: Command): Command {
  return command.option(
    "--digest <text>",
    "the text that --dry-run gave: nothing is done where other dead letters are selected now",
  );
}

export function digestOf({ digest }: BulkOptions): { readonly digest?: string } {
  return digest === undefined ? {} : { digest };
}

/** @throws {SelectionError} where the operator gave no reason. */
export function readRequest({ reason, actor, idempotencyKey: key }: ActionOptions): ActionRequest {
  const why = reason?.trim() ?? "";
  if (why === "") throw new SelectionError('say why you do it: --reason "…"');
  const idempotencyKey = key === undefined ? {} : { idempotencyKey: key };
  return { reason: why, ...whoActs(actor), osUser: userName(), channel: "cli", ...idempotencyKey };
}

/** Who is at work here, for the record: as given, else user and host. */
export function whoActs(actor: string | undefined): { readonly actor: string } {
  return { actor: actor?.trim() || `${userName()}@${hostname()}` };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user that the system has no entry for, as in containers.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/** Shows how far an action is, and that it can be left alone. @param unit what it moves, in the plural. */
export function showActionProgress(unit: string): OnProgress {
  return ({ actionId, moved, expected }) => {
    const hint = `Ctrl-C pauses action ${actionId}; centralcloud actions resume ${actionId} continues it`;
    reportProgress({ done: moved, total: expected, unit, hint });
  };
}

/** What a report says beside what was done; a line each. */
export function describeRest(report: DeadLetterActionReport, verb: string): readonly string[] {
  const { settledBefore, remaining, interrupted } = report;
  return [
    ...settledBefore.map(({ id, queue, actionId, newMessageId }) => {
      const as = newMessageId === null ? "" : ` as message ${newMessageId}`;
      return `${id} of ${queue} was ${verb} before${as}, by action ${actionId ?? "unknown"}`;
    }),
    ...(remaining > 0 && !interrupted
      ? [
          `${remaining} dead letters of the selection remain: locked by others, or not to be ${verb}`,
        ]
      : []),
  ];
}

/** Fails the command when it did not come to its end, once its report is printed. */
export function failUnlessDone(
  {
    actionId,
    state,
    interrupted,
    stopped = null,
  }: {
    readonly actionId: string | null;
    readonly state: ActionState;
    readonly interrupted: boolean;
    readonly stopped?: string | null;
  },
  hint: string,
): void {
  const resume = `\`centralcloud actions resume ${actionId}\` continues it`;
  if (interrupted) throw new Error(`interrupted; ${resume}, and so does ${hint}`);
  if (stopped !== null) throw new Error(`${stopped}; action ${actionId} is paused: ${resume}`);
  if (state === "cancelled") throw new Error(`action ${actionId} was cancelled`);
  if (state !== "done") throw new Error(`action ${actionId} is ${state}; ${resume}`);
}

/** As an option that ends a run where an earlier one would have ended. */
export function latestBound(bounds: Readonly<Record<string, string>>): string {
  return Object.values(bounds).sort().at(-1) ?? "";
}
