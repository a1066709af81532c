import { constants, generateKeyPairSync, publicEncrypt, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { decryptSessionKey } from "../src/rsa.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const sessionKey = randomBytes(32);

function payloadOf(key: Uint8Array, algorithm = 9): Buffer {
  const sum = key.reduce((total, byte) => (total + byte) & 0xff_ff, 0);
  return Buffer.concat([Buffer.of(algorithm), key, Buffer.of(sum >> 8, sum & 0xff)]);
}

function pad(payload: Uint8Array): Buffer {
  const padding = Buffer.alloc(256 - 3 - payload.length, 0x55);
  return Buffer.concat([Buffer.of(0, 2), padding, Buffer.of(0), payload]);
}

/** Without padding, so that a test can make any block. */
function encryptBlock(block: Uint8Array): Buffer {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
}

function changed(at: number, byte: number | ((before: number) => number)): Buffer {
  const block = pad(payloadOf(sessionKey));
  block[at] = typeof byte === "number" ? byte : byte(block.readUInt8(at));
  return block;
}

test("a session key comes out as OpenSSL and OpenPGP put it in", () => {
  const padding = constants.RSA_PKCS1_PADDING;
  for (let round = 0; round < 20; round++) {
    const encrypted = publicEncrypt({ key: publicKey, padding }, payloadOf(sessionKey));
    expect(Buffer.compare(decryptSessionKey(privateKey, encrypted), sessionKey)).toBe(0);
  }
});

test("leading zeros, which OpenPGP leaves out of a number, are put back", () => {
  for (;;) {
    const encrypted = encryptBlock(changed(2, randomBytes(1).readUInt8() | 1));
    // A number like this comes once in 256.
    if (encrypted[0] === 0) {
      expect(Buffer.compare(decryptSessionKey(privateKey, encrypted.subarray(1)), sessionKey)).toBe(
        0,
      );
      return;
    }
    sessionKey.set(randomBytes(32));
  }
});

test.each([
  ["the first byte", changed(0, 1)],
  ["the block type", changed(1, 1)],
  ["a zero in the padding", changed(100, 0)],
  ["the end of the padding", changed(256 - 36, 7)],
  ["the cipher", pad(payloadOf(sessionKey, 7))],
  // A fixed byte would be right once in 256.
  ["the sum", changed(255, (before) => before ^ 1)],
  ["the key's length", pad(payloadOf(randomBytes(16)))],
])("where %s is wrong, another key comes out each time, and no error", (_, block) => {
  const encrypted = encryptBlock(block);
  const keys = [1, 2].map(() => Buffer.from(decryptSessionKey(privateKey, encrypted)));
  expect(keys.map((key) => key.length)).toEqual([32, 32]);
  expect(keys[0]).not.toEqual(keys[1]);
  expect(keys).not.toContainEqual(sessionKey);
});

test.each([
  ["longer than", Buffer.alloc(300, 1)],
  ["not smaller than", Buffer.alloc(256, 255)],
  ["nothing like", Buffer.alloc(0)],
])("a number that is %s the modulus gives a random key", (_, encrypted) => {
  expect(decryptSessionKey(privateKey, encrypted)).toHaveLength(32);
});
