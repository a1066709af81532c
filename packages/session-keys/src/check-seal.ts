import { workerData } from "piscina";
import { SealError, type SealErrorCode } from "./errors.ts";
import type { SessionKey } from "./key-file.ts";
import { createKeyRing, type Sealed } from "./key-ring.ts";
import { openState } from "./open-state.ts";
import type { SessionIdentity } from "./session-identity.ts";

/* What a thread of the seal checker runs. Its keys are read once. */

/**
 * Undefined when the seal opens; without a code where that was not found out. A thread can't hand over an error with its
 * class and code.
 */
export type CheckResult =
  | { readonly code: SealErrorCode | undefined; readonly message: string }
  | undefined;

const keyRing = await createKeyRing(workerData as readonly SessionKey[]);

/** A seal, and the message that it came with. */
export interface FoundSeal {
  readonly sealed: Sealed;
  readonly identity: SessionIdentity;
}

/** One result for each seal, in their order; each is tried, whatever the others do. */
export default async function checkSeals(seals: readonly FoundSeal[]): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const seal of seals) results.push(await checkSeal(seal));
  return results;
}

async function checkSeal({ sealed, identity }: FoundSeal): Promise<CheckResult> {
  try {
    await openState(keyRing, sealed, identity);
    return undefined;
  } catch (error) {
    if (error instanceof SealError) return { code: error.code, message: error.message };
    // Other seals of the group have nothing to do with it. Its own words might quote the state.
    const name = error instanceof Error ? error.name : "an unknown error";
    return { code: undefined, message: `its seal could not be tried: ${name}` };
  }
}
