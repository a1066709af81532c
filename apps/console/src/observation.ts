import { type Events, type PartObservation, partEvents } from "@centralcloud/service";

/** What happens in the console. `path` has no query, so nothing that was asked for is in it. */
export type ConsoleObservation =
  | PartObservation
  /** Somebody signed in; `via` is the way: `loopback`, `token`, `oidc`. */
  | { readonly event: "console-signed-in"; readonly name: string; readonly via: string }
  /** A request was not answered as it wished: no right, from another site, too many. */
  | { readonly event: "console-refused"; readonly path: string; readonly reason: string }
  | { readonly event: "console-fault"; readonly path: string; readonly error: string };

/** How each of them is logged. */
export const consoleEvents: Events<ConsoleObservation> = {
  ...partEvents,
  "console-signed-in": { level: "info" },
  "console-refused": { level: "warn" },
  "console-fault": { level: "error", fault: { about: ["path"], reason: ["error"] } },
};
