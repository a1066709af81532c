import type { ActionRequest } from "@centralcloud/central";
import { recordAction } from "@centralcloud/dead-letters";
import { z } from "zod";
import type { Viewer } from "../auth/rights.ts";
import type { Logins } from "../configuration.ts";
import { one } from "../routing/fields.ts";
import { withCentral } from "./databases.ts";

/** Why somebody does something, in 1 to 500 characters. */
export const reason = one(
  z.string().trim().min(1, "say why you do it").max(500, "must have 500 characters at most"),
);

/** By which the record tells what was asked for here from what was asked for in a terminal. */
export const channel = "console";

/** What is put on record of somebody who acts here. */
export function requestOf(viewer: Viewer, why: string): ActionRequest {
  return { actor: viewer.name, reason: why, channel };
}

export interface RevealRequest {
  readonly viewer: Viewer;
  readonly operator: Logins;
  readonly reason: string;
  /** What is looked at: ids, queues and sources, or a filter. */
  readonly selection: Readonly<Record<string, unknown>>;
}

/** Puts on record who sees which contents, and why, before they are shown; gives the id of that record. */
export async function recordReveal({
  viewer,
  operator,
  reason: why,
  selection,
}: RevealRequest): Promise<string> {
  return await withCentral(operator.centralUrl, {}, (central) =>
    recordAction(central, {
      kind: "reveal",
      request: requestOf(viewer, why),
      selection,
      work: async ({ id }) => id,
      failureOf: () => undefined,
    }),
  );
}
