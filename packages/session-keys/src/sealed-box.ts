import { decodeBase64 } from "./base64.ts";
import { type KeyPair, type Opener, UnusableKeyError } from "./opener.ts";

/*
 * libsodium's sealed boxes (`crypto_box_seal`), the same that pgsodium makes. The library is loaded
 * when it is first needed.
 */

/** @throws {UnusableKeyError} where it can't begin, which has one reason: it is WebAssembly. */
async function loadSodium() {
  const { default: sodium } = await import("libsodium-wrappers");
  await sodium.ready.catch(() => {
    throw new UnusableKeyError(
      "x25519-sealedbox needs WebAssembly, which reserves 10 GB of address space: raise the limit (ulimit -v), or use a key of openpgp",
    );
  });
  return sodium;
}

/** Both keys in base64. */
export async function generateSealedBoxKey(): Promise<KeyPair> {
  const sodium = await loadSodium();
  const { publicKey, privateKey } = sodium.crypto_box_keypair();
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  return { publicKey: base64(publicKey), privateKey: base64(privateKey) };
}

/** @throws {UnusableKeyError} */
export async function readSealedBoxKey(keys: KeyPair): Promise<Opener> {
  const sodium = await loadSodium();
  const publicKey = decodeBase64(keys.publicKey);
  const privateKey = decodeBase64(keys.privateKey);
  if (publicKey?.length !== sodium.crypto_box_PUBLICKEYBYTES) {
    throw new UnusableKeyError("public_key must be 32 bytes in base64");
  }
  if (privateKey?.length !== sodium.crypto_box_SECRETKEYBYTES) {
    throw new UnusableKeyError("private_key must be 32 bytes in base64");
  }
  if (Buffer.compare(sodium.crypto_scalarmult_base(privateKey), publicKey) !== 0) {
    throw new UnusableKeyError("public_key and private_key do not belong together");
  }
  return {
    publicKey,
    open: async (data) => sodium.crypto_box_seal_open(data, publicKey, privateKey),
  };
}
