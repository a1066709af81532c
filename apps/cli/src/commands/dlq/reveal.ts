import type { ActionRequest } from "@centralcloud/central";
import { recordAction, SelectionError } from "@centralcloud/dead-letters";
import { ConfigurationError, type Environment } from "@centralcloud/service";
import type { Command } from "commander";
import type { Pool } from "pg";
import { type ActionOptions, readRequest } from "./action.ts";
import { withCentral } from "./scope.ts";

/** Options of a command that shows contents where they are asked for. */
export interface RevealOptions extends Pick<ActionOptions, "reason" | "actor"> {
  readonly reveal?: true;
}

/** The options of a command that masks contents unless they are asked for. */
export function addRevealOptions(command: Command): Command {
  return command
    .option(
      "--reveal",
      "shows contents, too; needs --reason, and is kept in central.operator_actions",
    )
    .option("--reason <why>", "with --reveal: why you look")
    .option("--actor <who>", "with --reveal: who looks; default: your user and host");
}

/** Shows something, and where contents are revealed, only once that is on record. @param selection what is looked at. */
export async function showRevealed(
  environment: Environment,
  request: ActionRequest | undefined,
  selection: Readonly<Record<string, unknown>>,
  show: () => Promise<void>,
): Promise<void> {
  if (request === undefined) return await show();
  await withCentral(environment, (central) => recordReveal(central, request, selection, show));
}

/** Who reveals and why; undefined where nothing is revealed. @throws {SelectionError} where nobody said why. */
export function readReveal(options: RevealOptions): ActionRequest | undefined {
  if (options.reveal) return readRequest(options);
  if (options.reason === undefined && options.actor === undefined) return undefined;
  throw new SelectionError("--reason and --actor go with --reveal: what is masked needs none");
}

/** The same for commands that are not about dead letters. @throws {ConfigurationError} where nobody said why. */
export function readRevealing(options: RevealOptions): ActionRequest | undefined {
  try {
    return readReveal(options);
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    throw new ConfigurationError([`error: ${error.message}`]);
  }
}

/** The same for a command that masks nothing. @throws {SelectionError} */
export function readRevealed(options: RevealOptions): ActionRequest {
  const request = readReveal(options);
  if (request !== undefined) return request;
  throw new SelectionError(
    "it shows contents: give --reveal and --reason, or see `dlq show`, which masks them",
  );
}

/** Shows contents once it is written down who looks at what, and why. */
export async function recordReveal(
  central: Pool,
  request: ActionRequest,
  selection: Readonly<Record<string, unknown>>,
  show: () => Promise<void>,
): Promise<void> {
  const failureOf = () => undefined;
  await recordAction(central, { kind: "reveal", request, selection, work: show, failureOf });
}
