import { dataKeyAlgorithm } from "./algorithm.ts";
import { NotAnObjectError, SealMisplacedError } from "./errors.ts";
import type { KeyRing, Sealed } from "./key-ring.ts";
import { differingParts, readIdentity, type SessionIdentity } from "./session-identity.ts";

export interface OpenedState {
  /** Its JSON text, as its source wrote it. */
  readonly state: string;
  /** Whether the seal names its session. Those of older versions do not: they could have been put anywhere. */
  readonly bound: boolean;
}

/**
 * Opens a session's state.
 *
 * @param identity of the message, or of the row, that the seal was found in.
 * @throws {SealError} when it does not open, names another session, or does not hold a JSON object.
 */
export async function openState(
  keyRing: KeyRing,
  sealed: Sealed,
  identity: SessionIdentity,
): Promise<OpenedState> {
  const bytes = await keyRing.open(sealed, identity.source);
  const text = decodeText(bytes);
  const end = text.indexOf("\n");
  const named = end < 0 ? undefined : readIdentity(text.slice(0, end));
  if (named === undefined) {
    if (sealed.alg === dataKeyAlgorithm) throw new SealMisplacedError([]);
    assertObject(text);
    return { state: text, bound: false };
  }
  const state = text.slice(end + 1);
  assertObject(state);
  const differing = differingParts(named, identity);
  if (differing.length > 0) throw new SealMisplacedError(differing);
  return { state, bound: true };
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NotAnObjectError();
  }
}

function assertObject(text: string): void {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  } catch {
    // The parser's error quotes the state.
  }
  throw new NotAnObjectError();
}
