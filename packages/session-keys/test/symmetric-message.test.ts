import fc from "fast-check";
import { decrypt, readMessage } from "openpgp";
import { describe, expect, test } from "vitest";
import { keyOfPassphrase, openSymmetricMessage } from "../src/symmetric-message.ts";
import { sealSymmetric } from "./seals.ts";

/** By pgcrypto 1.3 (PostgreSQL 17), as the sources seal; the passphrase is abcdef0123. */
const byPgcrypto =
  "c30404090008d24501796261 2fbf07eb4a06e46dffca591d5ba361e0d52286634ee4b501cfd12f49a8431446a60fabf1" +
  "8c62ea052674430a4a509ee642bfcb972cfa87de3811cca7fef0768c10";
const passphrase = Buffer.from("abcdef0123");
const key = keyOfPassphrase(passphrase);

function fromHex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ""), "hex");
}

async function byOpenPgpJs(bytes: Uint8Array, passwords = passphrase.toString()) {
  const message = await readMessage({ binaryMessage: bytes });
  return (await decrypt({ message, passwords, format: "binary" })).data;
}

describe("a message under a passphrase", () => {
  test("opens as pgcrypto has written it, here and by openpgp.js", async () => {
    const message = fromHex(byPgcrypto);
    expect(openSymmetricMessage(key, message).toString()).toBe("x".repeat(20));
    expect(Buffer.from(await byOpenPgpJs(message)).toString()).toBe("x".repeat(20));
  });

  test("opens to what was sealed, whatever it is and in whatever parts, as it does by openpgp.js", async () => {
    const property = fc.asyncProperty(
      fc.uint8Array({ maxLength: 3_000 }),
      fc.constantFrom(512, 1_024, 16_384),
      async (bytes, partBytes) => {
        const message = sealSymmetric(key, bytes, { partBytes });
        expect(Buffer.compare(openSymmetricMessage(key, message), bytes)).toBe(0);
        expect(Buffer.compare(await byOpenPgpJs(message), bytes)).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  test("of every length that its header writes in another way", () => {
    for (const length of [0, 1, 150, 185, 191, 192, 8_300, 8_383, 8_384, 100_000]) {
      const bytes = Buffer.alloc(length, length);
      const message = sealSymmetric(key, bytes, { partBytes: 2 ** 30 });
      expect(openSymmetricMessage(key, message).equals(bytes)).toBe(true);
    }
  });

  test("does not open when any one of its bits is wrong", () => {
    const message = sealSymmetric(key, Buffer.from('{"secret":1}'), { partBytes: 512 });
    for (let bit = 0; bit < message.length * 8; bit++) {
      const damaged = Buffer.from(message);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => openSymmetricMessage(key, damaged), `bit ${bit}`).toThrow();
    }
  });

  test("does not open when it is cut off or continues", () => {
    const message = sealSymmetric(key, Buffer.alloc(700, 1), { partBytes: 512 });
    for (let length = 0; length < message.length; length += 7) {
      expect(() => openSymmetricMessage(key, message.subarray(0, length))).toThrow();
    }
    expect(() => openSymmetricMessage(key, Buffer.concat([message, message]))).toThrow();
    expect(() => openSymmetricMessage(key, Buffer.concat([message, Buffer.alloc(1)]))).toThrow();
  });

  test("does not open by another key", () => {
    const message = sealSymmetric(key, Buffer.from("{}"), { partBytes: 512 });
    expect(() => openSymmetricMessage(keyOfPassphrase(Buffer.from("b")), message)).toThrow();
  });

  test("does not open where it has no integrity protection, is compressed, or its passphrase is salted", () => {
    const content = Buffer.from("{}");
    const options = { partBytes: 512 };
    const message = sealSymmetric(key, content, options);
    expect(() =>
      openSymmetricMessage(
        key,
        sealSymmetric(key, content, { ...options, code: Buffer.alloc(22) }),
      ),
    ).toThrow("changed on the way");
    expect(() =>
      openSymmetricMessage(key, sealSymmetric(key, content, { ...options, tag: 8 })),
    ).toThrow("another packet");
    const salted = Buffer.concat([fromHex("c30c0409010800112233445566 77"), message.subarray(6)]);
    expect(() => openSymmetricMessage(key, salted)).toThrow("sealed by another method");
  });
});
