import { type Algorithm, algorithms, isAlgorithm } from "./algorithm.ts";
import { KeyRingError } from "./errors.ts";
import { NotJsonObjectsError, parseJsonObjects } from "./json-objects.ts";

/** One key pair of CentralCloud, as its file holds it. The private key is not to be logged. */
export interface SessionKey {
  readonly keyId: string;
  readonly alg: Algorithm;
  /** Armored for openpgp, base64 for x25519-sealedbox; so is the private key. */
  readonly publicKey: string;
  readonly privateKey: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** What a key may be called; the databases accept the same. */
export const keyIdPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

export const keyIdRule =
  "1 to 128 letters, digits, dots, colons, dashes and underscores, a letter or digit first";

/** The file's content; a key ring has those of several keys one after the other. */
export function formatSessionKey(key: SessionKey): string {
  const file = {
    key_id: key.keyId,
    alg: key.alg,
    public_key: key.publicKey,
    private_key: key.privateKey,
    created_at: key.createdAt,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * The keys of one or more such files. Says whether each is complete; whether it works is found out
 * by `createKeyRing`.
 *
 * @throws {KeyRingError} with every mistake.
 */
export function parseSessionKeys(text: string): SessionKey[] {
  const { keys, mistakes } = collectSessionKeys(text);
  if (mistakes.length > 0) throw new KeyRingError(mistakes);
  return keys;
}

/** The same without an end at a mistake, so that a caller can add those it finds itself. */
export function collectSessionKeys(text: string): { keys: SessionKey[]; mistakes: string[] } {
  const keys = new Map<string, SessionKey>();
  const mistakes: string[] = [];
  try {
    const objects = parseJsonObjects(text);
    if (objects.length === 0) mistakes.push("it holds no key");
    for (const [index, object] of objects.entries()) {
      const name = `key ${index + 1} of ${objects.length}`;
      const key = readSessionKey(object, name, mistakes);
      if (key === undefined) continue;
      const other = keys.get(key.keyId);
      if (other !== undefined && other.privateKey !== key.privateKey) {
        mistakes.push(`${name}: another key has the same key_id`);
      }
      keys.set(key.keyId, key);
    }
  } catch (error) {
    if (!(error instanceof NotJsonObjectsError)) throw error;
    mistakes.push(error.message);
  }
  return { keys: [...keys.values()], mistakes };
}

function readSessionKey(
  object: Record<string, unknown>,
  name: string,
  mistakes: string[],
): SessionKey | undefined {
  const before = mistakes.length;
  const text = (field: string) => {
    const value = object[field];
    if (typeof value === "string" && value !== "") return value;
    mistakes.push(`${name}: ${field} must be given, as a string`);
    return "";
  };
  const keyId = text("key_id");
  const alg = object.alg;
  const publicKey = text("public_key");
  const privateKey = text("private_key");
  const createdAt = text("created_at");
  if (keyId !== "" && !keyIdPattern.test(keyId)) mistakes.push(`${name}: key_id has ${keyIdRule}`);
  if (isAlgorithm(alg) && mistakes.length === before) {
    return { keyId, alg, publicKey, privateKey, createdAt };
  }
  if (!isAlgorithm(alg)) mistakes.push(`${name}: alg must be ${algorithms.join(" or ")}`);
  return undefined;
}
