import { type Algorithm, dataKeyAlgorithm, isAlgorithm } from "./algorithm.ts";
import { decodeBase64 } from "./base64.ts";
import { DataKeys } from "./data-keys.ts";
import { KeyNotHeldError, KeyRingError, SealBrokenError, UnknownAlgorithmError } from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { collectSessionKeys, type SessionKey } from "./key-file.ts";
import { readOpenPgpKey } from "./open-pgp.ts";
import { type Opener, UnusableKeyError } from "./opener.ts";
import { readSealedBoxKey } from "./sealed-box.ts";
import { keyOfPassphrase, openSymmetricMessage } from "./symmetric-message.ts";

/** A sealed session state, as it is in messages and in the central store. */
export interface Sealed {
  readonly alg: string;
  readonly key_id: string;
  /** Base64. */
  readonly data: string;
  /** What `data` is sealed with, sealed for the key itself; base64. Where `alg` is openpgp-data-key. */
  readonly data_key?: string | null | undefined;
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
   * @param source whose seal it is: a data key that was opened is kept, so many a source.
   * @throws {UnknownAlgorithmError}
   * @throws {KeyNotHeldError}
   * @throws {SealBrokenError}
   */
  open(sealed: Sealed, source: string): Promise<Uint8Array>;
  /** Forgets the data keys that were opened. */
  forget(): void;
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

  const dataKeys = new DataKeys();

  /** @throws whatever, when it does not open: the libraries' errors say no more, or too much. */
  async function openBytes(opener: Opener, sealed: Sealed, source: string): Promise<Uint8Array> {
    const { alg, key_id: keyId, data_key: dataKey } = sealed;
    const data = toBytes(keyId, sealed.data);
    if (alg !== dataKeyAlgorithm) return await opener.open(data);
    if (!dataKey) throw new SealBrokenError(keyId, "it has no data key");
    const key = await dataKeys.get(source, { keyId, dataKey }, async () =>
      keyOfPassphrase(await opener.open(toBytes(keyId, dataKey))),
    );
    try {
      return openSymmetricMessage(key, data);
    } finally {
      key.fill(0);
    }
  }

  return {
    keys: [...openers.values()].map(({ keyId, alg, publicKey, fingerprint }) => {
      return { keyId, alg, publicKey, fingerprint };
    }),
    has: (keyId) => openers.has(keyId),
    forget: () => dataKeys.clear(),
    async open(sealed, source) {
      const { alg, key_id } = sealed;
      const keyAlgorithm = alg === dataKeyAlgorithm ? "openpgp" : alg;
      if (!isAlgorithm(keyAlgorithm)) throw new UnknownAlgorithmError(alg);
      const opener = openers.get(key_id);
      if (opener === undefined) throw new KeyNotHeldError(key_id);
      if (opener.alg !== keyAlgorithm) {
        throw new SealBrokenError(key_id, `it says ${alg}, but that key is for ${opener.alg}`);
      }
      try {
        return await openBytes(opener, sealed, source);
      } catch (error) {
        throw error instanceof SealBrokenError ? error : new SealBrokenError(key_id);
      }
    },
  };
}

function toBytes(keyId: string, text: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw new SealBrokenError(keyId, "its data are not base64");
  return bytes;
}
