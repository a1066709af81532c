import type { ActionRequest } from "@centralcloud/central";
import {
  ActionUnavailableError,
  type RecordedWork,
  recordAction,
} from "@centralcloud/dead-letters";
import { codeOf, sqlState } from "@centralcloud/postgres";
import { z } from "zod";
import type { Viewer } from "../auth/rights.ts";
import type { Logins } from "../configuration.ts";
import { one } from "../routing/fields.ts";
import { statementS, withCentral } from "./databases.ts";

/** Why somebody does something, in 1 to 500 characters. */
export const reason = one(
  z.string().trim().min(1, "say why you do it").max(500, "must have 500 characters at most"),
);

/** By which the record tells what was asked for here from what was asked for in a terminal. */
export const channel = "console";

/** Who asks for what, and why. */
export interface Asker {
  readonly viewer: Viewer;
  readonly reason: string;
  /** The form's own key: the same form is on record once. */
  readonly key: string;
}

/** What is put on record of somebody who acts here. */
export function requestOf({ viewer, reason: why, key }: Asker): ActionRequest {
  return { actor: viewer.name, reason: why, channel, idempotencyKey: key };
}

/**
 * A form was sent before, and what it asked for is on record: a page that shows contents was loaded again, or somebody went
 * back to the form. What it did is not done again.
 */
export class DoneBeforeError extends Error {
  constructor() {
    super("this form was sent before, and does nothing a second time");
    this.name = "DoneBeforeError";
  }
}

/**
 * What an error of putting something on record means: the record may know the form's key. With the same reason that action
 * is at its end, with another one it is refused.
 */
export function explainRecord(error: unknown): unknown {
  const isKnown =
    error instanceof ActionUnavailableError || codeOf(error) === sqlState.uniqueViolation;
  return isKnown ? new DoneBeforeError() : error;
}

export interface Recorded<Result> extends Asker {
  readonly operator: Logins;
  /** What is looked at, or done: ids, queues and sources, or a filter. */
  readonly selection: Readonly<Record<string, unknown>>;
  /** Default: to look at contents. */
  readonly kind?: RecordedWork<Result>["kind"];
  /** Why a result is none that was asked for; default: each is. */
  readonly failureOf?: RecordedWork<Result>["failureOf"];
}

/**
 * Does something, or shows contents, once it is on record who does so, and why.
 *
 * @param work is given the id of the record.
 * @throws {SourcesMissingError} where the central store, which keeps the record, does not answer: then nothing is done.
 * @throws {DoneBeforeError}
 */
export async function recorded<Result>(
  { operator, selection, kind = "reveal", failureOf = () => undefined, ...asker }: Recorded<Result>,
  work: (id: string) => Promise<Result>,
): Promise<Result> {
  let isOnRecord = false;
  return await withCentral(operator.centralUrl, { askS: statementS.record }, (central) =>
    recordAction(central, {
      kind,
      request: requestOf(asker),
      selection,
      work({ id }) {
        isOnRecord = true;
        return work(id);
      },
      failureOf,
    }).catch((error: unknown) => {
      throw isOnRecord ? error : explainRecord(error);
    }),
  );
}
