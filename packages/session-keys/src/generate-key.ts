import type { Algorithm } from "./algorithm.ts";
import { keyIdPattern, keyIdRule, type SessionKey } from "./key-file.ts";
import { generateOpenPgpKey } from "./open-pgp.ts";
import { generateSealedBoxKey } from "./sealed-box.ts";

/** Makes a new key pair. @throws {RangeError} for a key id that is not allowed. */
export async function generateKey(options: {
  readonly alg: Algorithm;
  readonly keyId: string;
}): Promise<SessionKey> {
  const { alg, keyId } = options;
  if (!keyIdPattern.test(keyId)) throw new RangeError(`a key id has ${keyIdRule}`);
  const { publicKey, privateKey } =
    alg === "openpgp" ? await generateOpenPgpKey(keyId) : await generateSealedBoxKey();
  return { keyId, alg, publicKey, privateKey, createdAt: new Date().toISOString() };
}
