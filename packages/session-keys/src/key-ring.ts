import { type Algorithm, isAlgorithm } from "./algorithm.ts";
import { decodeBase64 } from "./base64.ts";
import { KeyNotHeldError, KeyRingError, SealBrokenError, UnknownAlgorithmError } from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { collectSessionKeys, type SessionKey } from "./key-file.ts";
import { readOpenPgpKey } from "./open-pgp.ts";
import { type Opener, UnusableKeyError } from "./opener.ts";
import { readSealedBoxKey } from "./sealed-box.ts";

/** A sealed session state, as it is in messages and in the central store. */
export interface Sealed {
  readonly alg: string;
  readonly key_id: string;
  /** Base64. */
  readonly data: string;
}

/** What may be known of a key by everybody. */
export interface PublicPart {
  readonly keyId: string;
  readonly alg: Algorithm;
  /** In the form that the databases keep. */
  readonly publicKey: Uint8Array;
  /** Like `SHA256:` and 43 characters; the databases name the same key the same. */
  readonly fingerprint: string;
}

/** Private keys, ready to open what was sealed for them. */
export interface KeyRing {
  readonly keys: readonly PublicPart[];
  has(keyId: string): boolean;
  /**
   * @throws {UnknownAlgorithmError}
   * @throws {KeyNotHeldError}
   * @throws {SealBrokenError}
   */
  open(sealed: Sealed): Promise<Uint8Array>;
}

const readers: Readonly<Record<Algorithm, (key: SessionKey) => Promise<Opener>>> = {
  openpgp: readOpenPgpKey,
  "x25519-sealedbox": readSealedBoxKey,
};

/**
 * The key ring that a text holds: the content of one or more key files.
 *
 * @throws {KeyRingError} with every mistake.
 */
export async function parseKeyRing(text: string): Promise<KeyRing> {
  const { keys, mistakes } = collectSessionKeys(text);
  return await readKeys(keys, mistakes);
}

/** @throws {KeyRingError} with every key that can't be used. */
export async function createKeyRing(keys: readonly SessionKey[]): Promise<KeyRing> {
  return await readKeys(keys, []);
}

async function readKeys(keys: readonly SessionKey[], mistakes: string[]): Promise<KeyRing> {
  const openers = new Map<string, Opener & PublicPart>();
  for (const key of keys) {
    const { keyId, alg } = key;
    try {
      const opener = await readers[alg](key);
      const fingerprint = fingerprintOf(opener.publicKey);
      openers.set(keyId, { ...opener, keyId, alg, fingerprint });
    } catch (error) {
      // Any other error may quote what it could not read.
      const why = error instanceof UnusableKeyError ? error.message : "it can't be read";
      mistakes.push(`key ${keyId}: ${why}`);
    }
  }
  if (mistakes.length > 0) throw new KeyRingError(mistakes);

  return {
    keys: [...openers.values()].map(({ keyId, alg, publicKey, fingerprint }) => {
      return { keyId, alg, publicKey, fingerprint };
    }),
    has: (keyId) => openers.has(keyId),
    async open({ alg, key_id, data }) {
      if (!isAlgorithm(alg)) throw new UnknownAlgorithmError(alg);
      const opener = openers.get(key_id);
      if (opener === undefined) throw new KeyNotHeldError(key_id);
      if (opener.alg !== alg) {
        throw new SealBrokenError(key_id, `it says ${alg}, but that key is for ${opener.alg}`);
      }
      const bytes = decodeBase64(data);
      if (bytes === undefined) throw new SealBrokenError(key_id, "its data are not base64");
      try {
        return await opener.open(bytes);
      } catch {
        throw new SealBrokenError(key_id); // the libraries' own errors say no more, or too much
      }
    },
  };
}
