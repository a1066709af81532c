import { type ActionName, type ActionRequest, planAction } from "@centralcloud/central";
import { wordsOf } from "@centralcloud/service";
import type { Pool } from "pg";
import { assertMayRecord } from "../rights.ts";
import { ActionSession } from "./session.ts";

/** Something that an operator does at once, and that can't be continued. */
export interface RecordedWork<Result> {
  readonly kind: "job-run" | "adopt-source" | "renew-source" | "reveal";
  readonly request: ActionRequest;
  readonly selection: Readonly<Record<string, unknown>>;
  /** Is given what the record calls it. */
  readonly work: (action: ActionName) => Promise<Result>;
  /** Why a result is none that was asked for. */
  readonly failureOf: (result: Result) => string | undefined;
}

/**
 * Does something that is entered in `central.operator_actions` before it begins, and with how it ended.
 *
 * @throws {MissingRightsError} before anything is done; and what the work throws.
 */
export async function recordAction<Result>(
  central: Pool,
  { kind, request, selection, work, failureOf }: RecordedWork<Result>,
): Promise<Result> {
  await assertMayRecord(central);
  const action = await planAction(central, { action: kind, request, selection, parts: [] });
  const session = await ActionSession.claim(central, action);
  try {
    const result = await work({ id: action.id, key: action.key });
    const failure = failureOf(result);
    await session.release(failure === undefined ? "finish" : "fail", failure);
    return result;
  } catch (error) {
    await session.release("fail", wordsOf(error));
    throw error;
  }
}
