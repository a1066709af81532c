import { workerData } from "piscina";
import { SealError, type SealErrorCode } from "./errors.ts";
import type { SessionKey } from "./key-file.ts";
import { createKeyRing, type Sealed } from "./key-ring.ts";
import { openState } from "./open-state.ts";

/* What a thread of the seal checker runs. Its keys are read once. */

/** Undefined when the seal opens. A thread can't hand over an error with its class and code. */
export type CheckResult = { readonly code: SealErrorCode; readonly message: string } | undefined;

const keyRing = await createKeyRing(workerData as readonly SessionKey[]);

export default async function checkSeal(sealed: Sealed): Promise<CheckResult> {
  try {
    await openState(keyRing, sealed);
    return undefined;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return { code: error.code, message: error.message };
  }
}
