import type { ActionRequest } from "@centralcloud/central";
import { recordAction, SelectionError } from "@centralcloud/dead-letters";
import type { Pool } from "pg";
import { type ActionOptions, readRequest } from "./action.ts";

/** Options of a command that shows contents where they are asked for. */
export interface RevealOptions extends Pick<ActionOptions, "reason" | "actor"> {
  readonly reveal?: true;
}

/** Who reveals and why; undefined where nothing is revealed. @throws {SelectionError} where nobody said why. */
export function readReveal(options: RevealOptions): ActionRequest | undefined {
  if (options.reveal) return readRequest(options);
  if (options.reason === undefined && options.actor === undefined) return undefined;
  throw new SelectionError("--reason and --actor go with --reveal: what is masked needs none");
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
