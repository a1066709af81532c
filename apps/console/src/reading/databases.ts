import type { JudgeOptions } from "@centralcloud/dead-letters";
import type { AskOptions } from "@centralcloud/inspect";
import type { Logins } from "../configuration.ts";

/** Where to read, and how: what functions of `packages/inspect` take. */
export interface Databases extends Logins {
  /** For each reading: how long a database may take, and until when it is wanted. */
  readonly asking: AskOptions & { readonly mostS: number };
  /** What the consumers refuse besides what the contracts do. Seals are not tried: a console has no private keys. */
  readonly judge: Omit<JudgeOptions, "checkSeal">;
}

export const applicationName = "centralcloud-console";
