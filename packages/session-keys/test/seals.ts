import { createCipheriv, createHash, randomBytes } from "node:crypto";
import sodium from "libsodium-wrappers";
import { createMessage, encrypt, readKey } from "openpgp";
import type { KeyRing, Sealed, SessionKey } from "../src/index.ts";
import { keyOfPassphrase } from "../src/symmetric-message.ts";

/** Seals as the databases do, and as one would without them: by the public key alone. */
export async function seal(key: SessionKey, bytes: Uint8Array): Promise<Sealed> {
  const data = key.alg === "openpgp" ? await sealOpenPgp(key, bytes) : await sealBox(key, bytes);
  return { alg: key.alg, key_id: key.keyId, data: Buffer.from(data).toString("base64") };
}

async function sealOpenPgp({ publicKey }: SessionKey, binary: Uint8Array): Promise<Uint8Array> {
  const encryptionKeys = await readKey({ armoredKey: publicKey });
  const message = await createMessage({ binary });
  return (await encrypt({ message, encryptionKeys, format: "binary" })) as Uint8Array;
}

async function sealBox({ publicKey }: SessionKey, bytes: Uint8Array): Promise<Uint8Array> {
  await sodium.ready;
  return sodium.crypto_box_seal(bytes, Buffer.from(publicKey, "base64"));
}

export async function openText(keyRing: KeyRing, sealed: Sealed): Promise<string> {
  return Buffer.from(await keyRing.open(sealed, "source")).toString("utf8");
}

interface SymmetricOptions {
  /** A power of two; longer packets have several parts. */
  readonly partBytes: number;
  /** In place of the modification detection code. */
  readonly code?: Buffer;
  /** Of the packet inside; default: literal data. */
  readonly tag?: number;
}

/** An OpenPGP message under a passphrase, written by the letter of RFC 9580. */
export function sealSymmetric(key: Buffer, content: Uint8Array, options: SymmetricOptions): Buffer {
  const { partBytes, code, tag = 11 } = options;
  const literal = packet(tag, Buffer.concat([Buffer.from("b\0\0\0\0\0"), content]), partBytes);
  const random = randomBytes(16);
  const hashed = Buffer.concat([random, random.subarray(14), literal, Buffer.from([0xd3, 0x14])]);
  const hash = createHash("sha1").update(hashed).digest();
  const plain = code === undefined ? [hashed, hash] : [hashed.subarray(0, -2), code];
  const cipher = createCipheriv("aes-256-cfb", key, Buffer.alloc(16));
  const body = Buffer.concat([
    Buffer.from([1]),
    cipher.update(Buffer.concat(plain)),
    cipher.final(),
  ]);
  return Buffer.concat([packet(3, Buffer.from([4, 9, 0, 8]), 512), packet(18, body, partBytes)]);
}

function packet(tag: number, body: Buffer, partBytes: number): Buffer {
  const parts: Buffer[] = [Buffer.from([0xc0 | tag])];
  let rest = body;
  for (; rest.length > partBytes; rest = rest.subarray(partBytes)) {
    parts.push(Buffer.from([224 + Math.log2(partBytes)]), rest.subarray(0, partBytes));
  }
  const { length } = rest;
  const header =
    length < 192
      ? [length]
      : length < 8_384
        ? [192 + ((length - 192) >> 8), (length - 192) & 255]
        : [255, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  return Buffer.concat([...parts, Buffer.from(header), rest]);
}

/** Seals as a source does by a data key: the passphrase for the key, the bytes under the passphrase. */
export async function sealByDataKey(key: SessionKey, bytes: Uint8Array): Promise<Sealed> {
  const passphrase = Buffer.from(randomBytes(32).toString("hex"));
  const dataKey = await sealOpenPgp(key, passphrase);
  const data = sealSymmetric(keyOfPassphrase(passphrase), bytes, { partBytes: 16_384 });
  return {
    alg: "openpgp-data-key",
    key_id: key.keyId,
    data_key: Buffer.from(dataKey).toString("base64"),
    data: data.toString("base64"),
  };
}
