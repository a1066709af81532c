import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  algorithms,
  createKeyRing,
  formatSessionKey,
  generateKey,
  type KeyRing,
  openState,
  parseKeyRing,
  type SessionKey,
} from "../src/index.ts";
import { openText, seal } from "./seals.ts";

const keys = new Map<string, SessionKey>();
let keyRing: KeyRing;
const keyOf = (alg: string) => keys.get(alg) as SessionKey;

beforeAll(async () => {
  for (const alg of algorithms) keys.set(alg, await generateKey({ alg, keyId: `by-${alg}` }));
  keyRing = await createKeyRing([...keys.values()]);
});

describe.each(algorithms)("a seal of %s", (alg) => {
  test("opens to what was sealed, or not at all, when any one of its bits is wrong", async () => {
    const text = '{"secret":1}';
    const sealed = await seal(keyOf(alg), Buffer.from(text));
    const bytes = Buffer.from(sealed.data, "base64");
    const property = fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      const data = damaged.toString("base64");
      const outcome = await openText(keyRing, { ...sealed, data }).catch((error) => error.code);
      // OpenPGP says lengths in bits and in bytes, so a few bits may be either.
      expect(outcome).toBeOneOf(alg === "openpgp" ? ["seal_broken", text] : ["seal_broken"]);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test.each([
    ["cut off", (data: string) => data.slice(0, 40)],
    ["nothing", () => ""],
    ["no base64", () => "not base64!"],
    ["of another key", () => Buffer.alloc(600, 7).toString("base64")],
  ])("does not open when it is %s, and the error has none of it", async (_, damage) => {
    const sealed = await seal(keyOf(alg), Buffer.from('{"secret":1}'));
    const error = await keyRing.open({ ...sealed, data: damage(sealed.data) }).catch((e) => e);
    expect(error).toMatchObject({ code: "seal_broken" });
    expect(error.message).toMatch(/^the seal does not open with key "by-.*": /);
    expect(error.cause).toBeUndefined();
  });

  test("does not open as one of the other algorithm", async () => {
    const other = algorithms.find((name) => name !== alg) ?? "";
    const sealed = await seal(keyOf(alg), Buffer.from("{}"));
    await expect(keyRing.open({ ...sealed, alg: other })).rejects.toThrow(
      `it says ${other}, but that key is for ${alg}`,
    );
  });

  test("does not open without its key", async () => {
    const others = [...keys.values()].filter((key) => key.alg !== alg);
    const sealed = await seal(keyOf(alg), Buffer.from("{}"));
    await expect((await createKeyRing(others)).open(sealed)).rejects.toMatchObject({
      name: "KeyNotHeldError",
      code: "key_not_held",
    });
  });

  test("gives back exactly what was sealed, whatever it is", async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
      const opened = await keyRing.open(await seal(keyOf(alg), bytes));
      expect(Buffer.compare(opened, bytes)).toBe(0);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  test("keeps every digit of a state", async () => {
    const text = '{"n":12345678901234567890,"exact":0.10,"text":"é日本\\u0001"}';
    const sealed = await seal(keyOf(alg), Buffer.from(text));
    expect(await openState(keyRing, sealed)).toBe(text);
  });

  test("opens after its key has been through a file, beside other keys", async () => {
    const files = [...keys.values()].map(formatSessionKey);
    const ring = await parseKeyRing(files.join(""));
    expect(ring.keys).toEqual(keyRing.keys);
    expect(await openText(ring, await seal(keyOf(alg), Buffer.from("{}")))).toBe("{}");
  });

  test("is no state unless it holds a JSON object", async () => {
    for (const content of ["", "[]", '"text"', "null", "{", '{"a":1}x', "\u00ff"]) {
      const sealed = await seal(keyOf(alg), Buffer.from(content, "latin1"));
      await expect(openState(keyRing, sealed)).rejects.toMatchObject({
        code: "not_an_object",
        message: "the seal opens, but does not hold a JSON object",
      });
    }
  });
});

test("an algorithm that nobody knows is said to be unknown, whoever's the key is", async () => {
  const sealed = { alg: `rot13${"!".repeat(1_000)}`, key_id: "by-openpgp", data: "AAAA" };
  const error = await keyRing.open(sealed).catch((e) => e);
  expect(error).toMatchObject({ name: "UnknownAlgorithmError", code: "unknown_algorithm" });
  expect(error.message.length).toBeLessThan(150);
});

test("a key ring says whose keys it holds", () => {
  expect(keyRing.keys.map(({ keyId }) => keyId)).toEqual(["by-openpgp", "by-x25519-sealedbox"]);
  expect(keyRing.keys.map(({ fingerprint }) => fingerprint)).toEqual([
    expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
    expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
  ]);
  expect(keyRing.has("by-openpgp")).toBe(true);
  expect(keyRing.has("by-nobody")).toBe(false);
});

test("a key id that could not be written on a command line is not generated", async () => {
  const attempt = generateKey({ alg: "x25519-sealedbox", keyId: "two words" });
  await expect(attempt).rejects.toThrow("a key id has 1 to 128 letters");
});
