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
import { openText, seal, sealByDataKey } from "./seals.ts";

const keys = new Map<string, SessionKey>();
let keyRing: KeyRing;
const anyIdentity = { source: "s", agent: "a", session: "1", version: "2025-10-25T10:00:00Z" };
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
    const error = await keyRing.open({ ...sealed, data: damage(sealed.data) }, "s").catch((e) => e);
    expect(error).toMatchObject({ code: "seal_broken" });
    expect(error.message).toMatch(/^the seal does not open with key "by-.*": /);
    expect(error.cause).toBeUndefined();
  });

  test("does not open as one of the other algorithm", async () => {
    const other = algorithms.find((name) => name !== alg) ?? "";
    const sealed = await seal(keyOf(alg), Buffer.from("{}"));
    await expect(keyRing.open({ ...sealed, alg: other }, "s")).rejects.toThrow(
      `it says ${other}, but that key is for ${alg}`,
    );
  });

  test("does not open without its key", async () => {
    const others = [...keys.values()].filter((key) => key.alg !== alg);
    const sealed = await seal(keyOf(alg), Buffer.from("{}"));
    await expect((await createKeyRing(others)).open(sealed, "s")).rejects.toMatchObject({
      name: "KeyNotHeldError",
      code: "key_not_held",
    });
  });

  test("returns exactly what was sealed, whatever it is", async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
      const opened = await keyRing.open(await seal(keyOf(alg), bytes), "s");
      expect(Buffer.compare(opened, bytes)).toBe(0);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  test("keeps every digit of a state", async () => {
    const text = '{"n":12345678901234567890,"exact":0.10,"text":"é日本\\u0001"}';
    const sealed = await seal(keyOf(alg), Buffer.from(text));
    expect(await openState(keyRing, sealed, anyIdentity)).toEqual({ state: text, bound: false });
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
      await expect(openState(keyRing, sealed, anyIdentity)).rejects.toMatchObject({
        code: "not_an_object",
        message: "the seal opens, but does not hold a JSON object",
      });
    }
  });
});

test("an algorithm that nobody knows is said to be unknown, whoever's the key is", async () => {
  const sealed = { alg: `rot13${"!".repeat(1_000)}`, key_id: "by-openpgp", data: "AAAA" };
  const error = await keyRing.open(sealed, "s").catch((e) => e);
  expect(error).toMatchObject({ name: "UnknownAlgorithmError", code: "unknown_algorithm" });
  expect(error.message.length).toBeLessThan(150);
});

test("a seal may name a few keys; one that names thousands is refused before any of them is tried", async () => {
  const sealed = await seal(keyOf("openpgp"), Buffer.from("{}"));
  const bytes = Buffer.from(sealed.data, "base64");
  // A packet of the new format, whose length takes two bytes (RFC 9580, section 4.2.1).
  const length = ((bytes.readUInt8(1) - 192) << 8) + bytes.readUInt8(2) + 192 + 3;
  const packet = bytes.subarray(0, length);
  const naming = (count: number) => {
    const packets = Array.from({ length: count }, () => packet);
    const data = Buffer.concat([...packets, bytes.subarray(length)]).toString("base64");
    return { ...sealed, data };
  };
  expect(await openText(keyRing, naming(8))).toBe("{}");
  const startedAt = performance.now();
  for (const count of [9, 5_000]) {
    const attempt = keyRing.open(naming(count), "s");
    await expect(attempt).rejects.toMatchObject({ code: "seal_broken" });
  }
  // Each of them would take two milliseconds.
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test("a seal that unpacks to more than any state has does not open", async () => {
  const { createMessage, encrypt, readKey } = await import("openpgp");
  const encryptionKeys = await readKey({ armoredKey: keyOf("openpgp").publicKey });
  const compressed = async (binary: Uint8Array) => {
    const config = { preferredCompressionAlgorithm: 2 };
    const message = await createMessage({ binary });
    const bytes = await encrypt({ message, encryptionKeys, format: "binary", config });
    const data = Buffer.from(bytes as Uint8Array).toString("base64");
    return { alg: "openpgp", key_id: "by-openpgp", data };
  };
  const bomb = await compressed(Buffer.alloc(9 * 1024 * 1024));
  expect(bomb.data.length).toBeLessThan(100_000);
  await expect(keyRing.open(bomb, "s")).rejects.toMatchObject({ code: "seal_broken" });
  expect(await openText(keyRing, await compressed(Buffer.from("{}")))).toBe("{}");
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

describe("a seal that names its session", () => {
  const version = "2025-10-25T10:00:00.000001Z";
  const identity = { source: "s1", agent: 'agent "1"', session: "7", version };
  const state = '{"n":0.10,"text":"line\\nbreak"}';

  function plaintext(named: object = identity): Buffer {
    return Buffer.from(`${JSON.stringify(named)}\n${state}`);
  }

  const sealers = {
    "by a data key": (bytes: Buffer) => sealByDataKey(keyOf("openpgp"), bytes),
    "in a sealed box": (bytes: Buffer) => seal(keyOf("x25519-sealedbox"), bytes),
    "for the key itself": (bytes: Buffer) => seal(keyOf("openpgp"), bytes),
  };

  describe.each(Object.entries(sealers))("%s", (_, sealAs) => {
    test("opens for its own message, however its time is written", async () => {
      const sealed = await sealAs(plaintext());
      for (const same of [
        version,
        "2025-10-25T12:00:00.000001+02:00",
        "2025-10-25T05:30:00.000001-0430",
      ]) {
        const opened = await openState(keyRing, sealed, { ...identity, version: same });
        expect(opened).toEqual({ state, bound: true });
      }
    });

    test.each([
      ["source", "s2"],
      ["agent", "agent 1"],
      ["session", "8"],
      // Not even where it looks the same: a number of a message may have been rounded.
      ["session", 7],
      ["version", "2025-10-25T10:00:00.000002Z"],
      ["version", "2025-10-25T10:00:00.000001+01:00"],
      ["version", "yesterday"],
    ])("is misplaced where the message's %s is %s", async (part, value) => {
      const sealed = await sealAs(plaintext());
      const error = await openState(keyRing, sealed, { ...identity, [part]: value }).catch(
        (e) => e,
      );
      expect(error).toMatchObject({ name: "SealMisplacedError", code: "seal_misplaced" });
      expect(error.message).toBe(
        `the seal opens, but names another ${part}: it was made for another message`,
      );
    });

    test("holds a state, or is none", async () => {
      const sealed = await sealAs(Buffer.from(`${JSON.stringify(identity)}\n[]`));
      const attempt = openState(keyRing, sealed, identity);
      await expect(attempt).rejects.toMatchObject({ code: "not_an_object" });
    });
  });

  test("by a data key must name one; an older seal need not, and is said to be unbound", async () => {
    for (const text of ["{}", "{}\n{}", `${JSON.stringify({ ...identity, session: 7 })}\n{}`]) {
      const sealed = await sealByDataKey(keyOf("openpgp"), Buffer.from(text));
      const attempt = openState(keyRing, sealed, identity);
      await expect(attempt).rejects.toThrow("the seal opens, but names no session");
    }
    const older = await seal(keyOf("openpgp"), Buffer.from('{\n"a": 1}'));
    const opened = await openState(keyRing, older, identity);
    expect(opened).toEqual({ state: '{\n"a": 1}', bound: false });
  });

  test("does not open by another data key, without one, or with one that is damaged", async () => {
    const [one, other] = [
      await sealByDataKey(keyOf("openpgp"), plaintext()),
      await sealByDataKey(keyOf("openpgp"), plaintext()),
    ];
    const { data_key, ...without } = one;
    for (const sealed of [
      { ...one, data_key: other.data_key },
      without,
      { ...one, data_key: "%" },
      { ...one, data_key: one.data },
      { ...one, data: "%" },
      { ...one, key_id: "by-x25519-sealedbox" },
    ]) {
      const attempt = openState(keyRing, sealed, identity);
      await expect(attempt).rejects.toMatchObject({ code: "seal_broken" });
    }
    expect((await openState(keyRing, one, identity)).bound).toBe(true);
    expect(data_key).toBeDefined();
  });
});
