import {
  constants,
  createPrivateKey,
  type KeyObject,
  privateDecrypt,
  randomBytes,
} from "node:crypto";

/*
 * The RSA step of OpenPGP, by Node's OpenSSL. openpgp.js has it too, but Node 20 refuses it PKCS #1
 * padding (CVE-2023-46809), so that it falls back to its own arithmetic: 30 ms a seal instead of 2.
 */

/** The numbers of an RSA key as OpenPGP has them, big-endian; u is the inverse of p modulo q. */
export interface RsaNumbers {
  readonly n: Uint8Array;
  readonly e: Uint8Array;
  readonly d: Uint8Array;
  readonly p: Uint8Array;
  readonly q: Uint8Array;
  readonly u: Uint8Array;
}

export function rsaPrivateKey({ n, e, d, p, q, u }: RsaNumbers): KeyObject {
  const base64 = (number: Uint8Array) => Buffer.from(number).toString("base64url");
  const modulo = (prime: Uint8Array) => {
    const hex = (toBigInt(d) % (toBigInt(prime) - 1n)).toString(16);
    return base64(Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex"));
  };
  // JWK (RFC 7518, 6.3.2) wants the inverse of its q modulo its p, so the two primes change places.
  const key = {
    kty: "RSA",
    n: base64(n),
    e: base64(e),
    d: base64(d),
    p: base64(q),
    q: base64(p),
    dp: modulo(q),
    dq: modulo(p),
    qi: base64(u),
  };
  return createPrivateKey({ key, format: "jwk" });
}

function toBigInt(number: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(number).toString("hex")}`);
}

/** AES-256 in RFC 9580, section 9.3; what our SQL seals with. Others are refused. */
const aes256 = 9;
const sessionKeyBytes = 32;

/**
 * The AES-256 key in a public-key encrypted session key: PKCS #1 padding, then the cipher's number,
 * the key, and the sum of its bytes (RFC 9580, section 5.1.3).
 *
 * Where any of it is wrong, a random key is returned, which opens nothing: to say here what is wrong
 * would help whoever sends many guesses and watches (Bleichenbacher's attack). For the same reason
 * nothing branches on what was decrypted.
 */
export function decryptSessionKey(key: KeyObject, encrypted: Uint8Array): Uint8Array {
  const modulusBytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const padded = Buffer.alloc(modulusBytes);
  if (encrypted.length <= modulusBytes) padded.set(encrypted, modulusBytes - encrypted.length);
  let block: Buffer;
  try {
    block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, padded);
  } catch {
    return randomBytes(sessionKeyBytes); // not smaller than the modulus, which the sender knows
  }
  const end = block.length - 1 - sessionKeyBytes - 2; // of the padding
  let wrong = (block[0] as number) | ((block[1] as number) ^ 2);
  for (let index = 2; index < end - 1; index++) wrong |= Number(block[index] === 0);
  wrong |= (block[end - 1] as number) | ((block[end] as number) ^ aes256);
  const sessionKey = block.subarray(end + 1, end + 1 + sessionKeyBytes);
  let sum = 0;
  for (const byte of sessionKey) sum = (sum + byte) & 0xff_ff;
  wrong |= sum ^ block.readUInt16BE(block.length - 2);
  const random = randomBytes(sessionKeyBytes);
  const mask = -Number(wrong !== 0) & 0xff;
  return Uint8Array.from(sessionKey, (byte, index) => {
    return (byte & ~mask) | ((random[index] as number) & mask);
  });
}
