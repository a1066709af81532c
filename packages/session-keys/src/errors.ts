/*
 * Why a seal does not open, or a key can't be read. No message holds a private key or a plaintext;
 * names that came with a message are shortened, because they go into logs.
 */

/** One of these is what `open` throws; the codes are stable. */
export type SealErrorCode =
  | "key_not_held"
  | "seal_broken"
  | "seal_misplaced"
  | "unknown_algorithm"
  | "not_an_object";

export class SealError extends Error {
  readonly code: SealErrorCode;
  constructor(code: SealErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The key ring has no private key of that id. */
export class KeyNotHeldError extends SealError {
  constructor(keyId: string) {
    super("key_not_held", `sealed for key ${quote(keyId)}, which this key ring does not hold`);
    this.name = "KeyNotHeldError";
  }
}

/** The seal is damaged, or was never one for that key. */
export class SealBrokenError extends SealError {
  constructor(keyId: string, why = "it is damaged, or was sealed for another key") {
    super("seal_broken", `the seal does not open with key ${quote(keyId)}: ${why}`);
    this.name = "SealBrokenError";
  }
}

/** The seal opens, but is that of another session, or of another version of it. */
export class SealMisplacedError extends SealError {
  /** @param differing the parts of the identity that differ; none where the seal names no session at all. */
  constructor(differing: readonly string[]) {
    const what = differing.length === 0 ? "no session" : `another ${differing.join(" and ")}`;
    super("seal_misplaced", `the seal opens, but names ${what}: it was made for another message`);
    this.name = "SealMisplacedError";
  }
}

export class UnknownAlgorithmError extends SealError {
  constructor(algorithm: string) {
    super("unknown_algorithm", `sealed by ${quote(algorithm)}, which is not known here`);
    this.name = "UnknownAlgorithmError";
  }
}

/** The seal opens, but what it holds is no session state. */
export class NotAnObjectError extends SealError {
  constructor() {
    super("not_an_object", "the seal opens, but does not hold a JSON object");
    this.name = "NotAnObjectError";
  }
}

/** Private keys that can't be read; all mistakes at once, one sentence each, none with a secret in it. */
export class KeyRingError extends Error {
  readonly code = "key_ring_invalid";
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "KeyRingError";
    this.mistakes = mistakes;
  }
}

const longestName = 64;

function quote(name: string): string {
  return JSON.stringify(name.length > longestName ? `${name.slice(0, longestName)}…` : name);
}
