export { type Algorithm, algorithms } from "./algorithm.ts";
export {
  KeyNotHeldError,
  KeyRingError,
  NotAnObjectError,
  SealBrokenError,
  SealError,
  type SealErrorCode,
  SealMisplacedError,
  UnknownAlgorithmError,
} from "./errors.ts";
export { generateKey } from "./generate-key.ts";
export {
  formatSessionKey,
  keyIdPattern,
  keyIdRule,
  parseSessionKeys,
  type SessionKey,
} from "./key-file.ts";
export {
  createKeyRing,
  type KeyRing,
  type PublicPart,
  parseKeyRing,
  type Sealed,
} from "./key-ring.ts";
export { type OpenedState, openState } from "./open-state.ts";
export { createSealChecker, type SealChecker } from "./seal-checker.ts";
export type { SessionIdentity } from "./session-identity.ts";
export {
  addSessionKey,
  bindSessionKeys,
  ensureSessionKey,
  hasPgsodium,
  type KnownSessionKey,
  type PublicSessionKey,
  readSessionKeys,
} from "./source-keys.ts";
