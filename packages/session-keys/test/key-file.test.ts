import fc from "fast-check";
import { generateKey as generateOpenPgp } from "openpgp";
import { beforeAll, expect, test } from "vitest";
import {
  formatSessionKey,
  generateKey,
  KeyRingError,
  parseKeyRing,
  parseSessionKeys,
  type SessionKey,
} from "../src/index.ts";
import { parseJsonObjects } from "../src/json-objects.ts";

let pgp: SessionKey;
let box: SessionKey;

beforeAll(async () => {
  pgp = await generateKey({ alg: "openpgp", keyId: "2025-10" });
  box = await generateKey({ alg: "x25519-sealedbox", keyId: "2025-11" });
  // The primes of an RSA key are found by chance, on a machine that may be busy.
}, 60_000);

const fileOf = (key: SessionKey, changes: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ ...JSON.parse(formatSessionKey(key)), ...changes });

async function mistakesIn(text: string): Promise<readonly string[]> {
  const error: unknown = await parseKeyRing(text).catch((e) => e);
  if (!(error instanceof KeyRingError)) throw new Error("it was accepted");
  for (const secret of [box.privateKey, pgp.privateKey.slice(100, 140), "hunter2"])
    expect(error.message).not.toContain(secret);
  return error.mistakes;
}

test("all mistakes are told at once, and none shows a secret", async () => {
  const text = [
    fileOf(box, { private_key: undefined, created_at: 5 }),
    fileOf(box, { key_id: "two words", alg: "hunter2" }),
    fileOf(box, { key_id: "a", private_key: "hunter2" }),
    fileOf(box, { key_id: "b", public_key: Buffer.alloc(32, 9).toString("base64") }),
    fileOf(pgp, { key_id: "c", private_key: "-----BEGIN hunter2" }),
    fileOf(pgp, { key_id: "d", public_key: pgp.privateKey }),
  ].join("\n");
  expect(await mistakesIn(text)).toEqual([
    "key 1 of 6: private_key must be given, as a string",
    "key 1 of 6: created_at must be given, as a string",
    "key 2 of 6: key_id has 1 to 128 letters, digits, dots, colons, dashes and underscores, a letter or digit first",
    "key 2 of 6: alg must be openpgp or x25519-sealedbox",
    "key a: private_key must be 32 bytes in base64",
    "key b: public_key and private_key do not belong together",
    "key c: private_key must be one armored OpenPGP private key",
    "key d: public_key holds a private key",
  ]);
});

test.each([
  ["nothing", "", "it holds no key"],
  ["white space", " \n", "it holds no key"],
  ["text", "hunter2", "it is not a JSON object, or several of them in a row"],
  ["an array", "[{}]", "it is not a JSON object, or several of them in a row"],
  ["an object without an end", '{"key_id":"hunter2"', "object 1 has no end"],
  ["a string without an end", '{"key_id":"hunter2}', "object 1 has no end"],
  ["what only looks like an object", "{}{hunter2}", "object 2 is not JSON"],
])("%s is no key ring", async (_, text, mistake) => {
  expect(await mistakesIn(text)).toEqual([mistake]);
  expect(() => parseSessionKeys(text)).toThrow(mistake);
});

test("two keys of one id are refused, but the same file twice is fine", async () => {
  const other = await generateKey({ alg: "x25519-sealedbox", keyId: box.keyId });
  expect(parseSessionKeys(fileOf(box) + fileOf(box))).toEqual([box]);
  expect(await mistakesIn(fileOf(box) + fileOf(other))).toEqual([
    "key 2 of 2: another key has the same key_id",
  ]);
});

test("an OpenPGP key that could not be used is refused: of another's, with a passphrase, without RSA", async () => {
  const userIDs = [{ name: "test" }];
  const locked = await generateOpenPgp({
    type: "rsa",
    rsaBits: 2048,
    userIDs,
    passphrase: "hunter2",
  });
  const curve = await generateOpenPgp({ type: "curve25519", userIDs });
  const keyFile = (key_id: string, keys: { publicKey: string; privateKey: string }) =>
    fileOf(pgp, { key_id, public_key: keys.publicKey, private_key: keys.privateKey });
  const text = [
    keyFile("other", { publicKey: curve.publicKey, privateKey: pgp.privateKey }),
    keyFile("locked", locked),
    keyFile("curve", curve),
  ].join("");
  expect(await mistakesIn(text)).toEqual([
    "key other: public_key and private_key do not belong together",
    "key locked: private_key has a passphrase; store it without one",
    "key curve: private_key has no RSA key to open seals with",
  ]);
});

test("objects one after the other are read however they are written", () => {
  const space = fc.constantFrom("", " ", "\n", "\r\n\t", ",");
  const object = fc.dictionary(fc.string(), fc.jsonValue());
  const property = fc.property(fc.array(fc.tuple(object, space, fc.boolean())), (parts) => {
    const text = parts.map(([value, gap, pretty]) => {
      return JSON.stringify(value, null, pretty ? 2 : undefined) + gap;
    });
    const values = parts.map(([value]) => JSON.parse(JSON.stringify(value)));
    expect(parseJsonObjects(text.join(""))).toEqual(values);
  });
  fc.assert(property);
});
