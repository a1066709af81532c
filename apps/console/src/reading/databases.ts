import type { AskOptions } from "@centralcloud/inspect";
import type { Logins } from "../configuration.ts";

/** Where to read, and how: what functions of `packages/inspect` take. */
export interface Databases extends Logins {
  /** For each reading: how long a database may take, and until when it is wanted. */
  readonly asking: AskOptions;
}

export const applicationName = "centralcloud-console";
