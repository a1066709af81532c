import { hostname, userInfo } from "node:os";
import type { ActionRequest } from "@centralcloud/db";
import type { LetterActionPreview, LetterActionReport } from "@centralcloud/dead-letters";
import type { Command } from "commander";
import { positiveNumber } from "./selection.ts";

export interface ActionOptions {
  readonly reason?: string;
  readonly actor?: string;
  readonly json?: true;
}

export interface BulkOptions extends ActionOptions {
  readonly all?: true;
  readonly dryRun?: true;
  readonly rate?: number;
}

/** What every command takes that changes something. */
export function addActionOptions(command: Command): Command {
  return command
    .option("--reason <why>", "why you do it; needed, and kept in central.operator_actions")
    .option("--actor <who>", "who does it; default: your user and host")
    .option("--json", "one JSON document on standard output");
}

export function addBulkOptions(command: Command, unit: string): Command {
  return addActionOptions(command)
    .option("--all", `every ${unit}; needed where nothing narrows the selection`)
    .option("--dry-run", "only counts them: changes nothing, and needs no reason")
    .option("--rate <number>", `at most so many a second; default: no limit`, positiveNumber);
}

/** Ends the command where the operator gave no reason. */
export function readRequest(command: Command, { reason, actor }: ActionOptions): ActionRequest {
  const why = reason?.trim() ?? "";
  if (why === "") command.error('error: say why you do it: --reason "…"');
  const who = actor?.trim() || `${userName()}@${hostname()}`;
  return { reason: why, actor: who };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user that the system has no entry for, as in containers.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

export function describePreview({ letters, settledBefore }: LetterActionPreview, verb: string) {
  const lines = [`would be ${verb}: ${letters} letters (nothing was changed)`];
  if (settledBefore.length > 0) lines.push(`${verb} before: ${settledBefore.length}`);
  return lines.join("\n");
}

/** What a report says beside what was done; a line each. */
export function describeRest(report: LetterActionReport, verb: string): readonly string[] {
  const { settledBefore, remaining, interrupted } = report;
  return [
    ...settledBefore.map(({ id, queue, actionId, newMessageId }) => {
      const as = newMessageId === null ? "" : ` as message ${newMessageId}`;
      return `${id} of ${queue} was ${verb} before${as}, by action ${actionId ?? "unknown"}`;
    }),
    ...(remaining > 0 && !interrupted
      ? [`${remaining} letters of the selection remain: locked by others, or not to be ${verb}`]
      : []),
  ];
}

/** Fails the command when it was interrupted, once its report is printed. */
export function failWhenInterrupted(report: { readonly interrupted: boolean }, hint: string): void {
  if (report.interrupted) throw new Error(`interrupted; ${hint}`);
}

/** As an option that ends a run where an earlier one would have ended. */
export function latestBound(bounds: Readonly<Record<string, string>>): string {
  return Object.values(bounds).sort().at(-1) ?? "";
}
