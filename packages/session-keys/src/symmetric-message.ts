import { createDecipheriv, createHash, timingSafeEqual } from "node:crypto";

/*
 * An OpenPGP message under a passphrase, as the sources write it (sql/singularity/functions/seal_session_states.sql):
 * RFC 9580 with AES-256, a passphrase that is hashed once (it is random), integrity protection, and nothing
 * compressed. Anything else does not open. openpgp.js opens the same at six times the cost.
 */

/** Symmetric-key encrypted session key: version 4, AES-256, simple S2K, SHA-256 (sections 5.3, 3.7.1.1). */
const keyPacket = Buffer.from([0x04, 0x09, 0x00, 0x08]);

const tags = { symmetricKey: 3, literalData: 11, encryptedData: 18 } as const;

const zeroVector = Buffer.alloc(16);

/** The random block, and its last two bytes again (section 5.13.1). */
const prefixBytes = 18;

/** The header of the modification detection code, which is the SHA-1 of all before it (section 5.13.1). */
const codeHeader = Buffer.from([0xd3, 0x14]);
const codeBytes = codeHeader.length + 20;

/** The AES-256 key that a passphrase makes. */
export function keyOfPassphrase(passphrase: Uint8Array): Buffer {
  return createHash("sha256").update(passphrase).digest();
}

/** What the message holds. Throws, whatever is wrong with it, an error that has none of it. */
export function openSymmetricMessage(key: Uint8Array, message: Uint8Array): Buffer {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const first = readPacket(bytes, 0, tags.symmetricKey);
  if (!first.body.equals(keyPacket)) throw new Error("sealed by another method");
  const second = readPacket(bytes, first.end, tags.encryptedData);
  if (second.end !== bytes.length || second.body[0] !== 1) throw new Error("another packet");

  const decipher = createDecipheriv("aes-256-cfb", key, zeroVector);
  const plain = Buffer.concat([decipher.update(second.body.subarray(1)), decipher.final()]);
  const codeStart = plain.length - codeBytes;
  if (codeStart < prefixBytes) throw new Error("too short");
  const hashed = plain.subarray(0, codeStart + codeHeader.length);
  const code = createHash("sha1").update(hashed).digest();
  const isWhole =
    timingSafeEqual(code, plain.subarray(codeStart + codeHeader.length)) &&
    plain.subarray(codeStart, codeStart + codeHeader.length).equals(codeHeader);
  if (!isWhole) throw new Error("changed on the way");

  const content = plain.subarray(prefixBytes, codeStart);
  const literal = readPacket(content, 0, tags.literalData);
  if (literal.end !== content.length) throw new Error("more than one packet");
  // Its format, its name, and the time (section 5.9).
  const nameBytes = literal.body[1];
  if (nameBytes === undefined || literal.body.length < 6 + nameBytes) throw new Error("cut off");
  return literal.body.subarray(6 + nameBytes);
}

/** One packet of the new format, with its parts put together (section 4.2.1). */
function readPacket(bytes: Buffer, start: number, tag: number): { body: Buffer; end: number } {
  if (bytes[start] !== (0xc0 | tag)) throw new Error("another packet");
  const parts: Buffer[] = [];
  let place = start + 1;
  for (let isPartial = true; isPartial; ) {
    const { length, next, partial } = readLength(bytes, place);
    if (next + length > bytes.length) throw new Error("cut off");
    parts.push(bytes.subarray(next, next + length));
    place = next + length;
    isPartial = partial;
  }
  const [only] = parts;
  return {
    body: parts.length === 1 && only !== undefined ? only : Buffer.concat(parts),
    end: place,
  };
}

function readLength(bytes: Buffer, place: number) {
  const first = bytes[place];
  if (first === undefined) throw new Error("cut off");
  if (first < 192) return { length: first, next: place + 1, partial: false };
  if (first >= 224 && first < 255) {
    return { length: 2 ** (first & 31), next: place + 1, partial: true };
  }
  if (first < 224) {
    const length = ((first - 192) << 8) + (bytes[place + 1] ?? 0) + 192;
    return { length, next: place + 2, partial: false };
  }
  if (place + 5 > bytes.length) throw new Error("cut off");
  return { length: bytes.readUInt32BE(place + 1), next: place + 5, partial: false };
}
