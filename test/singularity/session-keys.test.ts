import { readFileSync } from "node:fs";
import { ExtensionMissingError } from "@centralcloud/db";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import { createKeyRing, generateKey, type SessionKey } from "@centralcloud/session-keys";
import { sqlDirectory } from "@centralcloud/sql";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { addNewKey, openSession, publicBytesOf, sealSession } from "../support/session-keys.ts";

const system = useSystem();
failOnLeaks(system);

let key: SessionKey;
let publicKey: Uint8Array;

beforeAll(async () => {
  key = await generateKey({ alg: "openpgp", keyId: "2025-10" });
  publicKey = await publicBytesOf(key);
});

afterEach(async () => {
  await system.singularity.pool.query("truncate public.session_keys");
});

async function add(
  keyId: string | null,
  algorithm: string | null,
  publicKey: Uint8Array | null,
  activate = false,
): Promise<void> {
  await system.singularity.pool.query("select public.add_session_key($1, $2, $3, $4)", [
    keyId,
    algorithm,
    publicKey,
    activate,
  ]);
}

async function keysKnown() {
  const { rows } = await system.singularity.pool.query<{
    key_id: string;
    active: boolean;
    retired: boolean;
  }>(
    "select key_id, active, retired_at is not null as retired from public.session_keys order by key_id",
  );
  return rows;
}

describe("a state is not sealed, and no error has any of it", () => {
  const state = '{"secret":"PLAINTEXT"}';

  test("when no key is active", async () => {
    await add("2025-10", "openpgp", publicKey);
    const error = await sealSession(system.singularity, state).catch((e) => e);
    expect(error).toMatchObject({ code: "55000", message: "no session key is active" });
    expect(JSON.stringify({ ...error })).not.toContain("PLAINTEXT");
  });

  test.each([
    ["by an algorithm that nobody knows", "rot13", "there is no session key algorithm 'rot13'"],
    [
      "by an extension that is not there",
      "x25519-sealedbox",
      "session keys of algorithm x25519-sealedbox need the extension pgsodium, which this database does not have",
    ],
    ["with a key that is none", "openpgp", /./],
  ])("%s", async (_, algorithm, message) => {
    await system.singularity.pool.query(
      "insert into public.session_keys (key_id, algorithm, public_key, active) values ('k', $1, $2, true)",
      [algorithm, Buffer.alloc(32, 1)],
    );
    const error = await sealSession(system.singularity, state).catch((e) => e);
    expect(error.message).toMatch(message);
    expect(JSON.stringify({ ...error, text: error.message })).not.toContain("PLAINTEXT");
  });

  test("when there is none", async () => {
    await add("2025-10", "openpgp", publicKey, true);
    await expect(
      system.singularity.pool.query(
        "select public.seal_session_states(array['a'], array['s'], array[now()], array[null]::jsonb[])",
      ),
    ).rejects.toThrow("there is no state to seal");
  });
});

describe("a key is refused", () => {
  const other = Buffer.alloc(32, 1);
  test.each<[string, string | null, string | null, () => Uint8Array | null, string]>([
    ["without an id", null, "openpgp", () => publicKey, "a key id has 1 to 128 letters"],
    ["with an empty id", "", "openpgp", () => publicKey, "a key id has 1 to 128 letters"],
    ["with a strange id", "a b", "openpgp", () => publicKey, "a key id has 1 to 128 letters"],
    ["without an algorithm", "k", null, () => publicKey, "there is no session key algorithm NULL"],
    [
      "of an unknown algorithm",
      "k",
      "rsa",
      () => publicKey,
      "there is no session key algorithm 'rsa'",
    ],
    ["without a key", "k", "openpgp", () => null, "there is no key"],
    ["with an empty key", "k", "openpgp", () => Buffer.alloc(0), "'k' can't be used"],
    [
      "with garbage",
      "k",
      "openpgp",
      () => Buffer.alloc(100, 1),
      "not in the binary form of OpenPGP",
    ],
    [
      "when it is cut off",
      "k",
      "openpgp",
      () => publicKey.slice(0, 200),
      "not a whole OpenPGP key",
    ],
    [
      "when it is cut off early",
      "k",
      "openpgp",
      () => publicKey.slice(0, 2),
      "not a whole OpenPGP key",
    ],
    [
      "when it is armored",
      "k",
      "openpgp",
      () => Buffer.from(key.publicKey),
      "not in the binary form",
    ],
    [
      "with 31 bytes",
      "k",
      "x25519-sealedbox",
      () => other.subarray(1),
      "an X25519 key has 32 bytes",
    ],
    [
      "where it can't be sealed for",
      "k",
      "x25519-sealedbox",
      () => other,
      "need the extension pgsodium",
    ],
  ])("%s", async (_, keyId, algorithm, bytes, message) => {
    await expect(add(keyId, algorithm, bytes(), true)).rejects.toThrow(message);
    expect(await keysKnown()).toEqual([]);
  });

  test("when it holds a private key, and the error has none of it", async () => {
    const secret = Buffer.from(
      key.privateKey.split("\n\n")[1]?.replace(/\n=.*|-----.*|\n/g, "") ?? "",
      "base64",
    );
    const error = await add("k", "openpgp", secret).catch((e) => e);
    expect(error.message).toBe(
      "session key 'k' can't be used: it holds a private key; only the public one may come here",
    );
    // Also behind a public key, where pgcrypto itself does not look.
    await expect(add("k", "openpgp", Buffer.concat([publicKey, secret]))).rejects.toThrow(
      "it holds a private key",
    );
    expect(await keysKnown()).toEqual([]);
  });

  test("when its id is another's", async () => {
    await add("2025-10", "openpgp", publicKey, true);
    const another = await publicBytesOf(await generateKey({ alg: "openpgp", keyId: "2025-10" }));
    await expect(add("2025-10", "openpgp", another, true)).rejects.toThrow(
      "session key '2025-10' is known already, with another public key",
    );
    expect(await keysKnown()).toEqual([{ key_id: "2025-10", active: true, retired: false }]);
  });
});

test("the same key may be added again, which changes nothing but its activation", async () => {
  await add("2025-10", "openpgp", publicKey);
  await add("2025-10", "openpgp", publicKey);
  expect(await keysKnown()).toEqual([{ key_id: "2025-10", active: false, retired: false }]);
  await add("2025-10", "openpgp", publicKey, true);
  await add("2025-10", "openpgp", publicKey, true);
  await add("2025-10", "openpgp", publicKey);
  expect(await keysKnown()).toEqual([{ key_id: "2025-10", active: true, retired: false }]);
});

test("a rotation leaves one key active, what was sealed before and after opens, and it can be taken back", async () => {
  const older = await addNewKey(system.singularity, "older", { activate: true });
  const before = await sealSession(system.singularity, '{"step":1}');
  const newer = await addNewKey(system.singularity, "newer", { activate: true });
  const after = await sealSession(system.singularity, '{"step":2}');
  expect([before.key_id, after.key_id]).toEqual(["older", "newer"]);
  expect(await keysKnown()).toEqual([
    { key_id: "newer", active: true, retired: false },
    { key_id: "older", active: false, retired: true },
  ]);
  const keyRing = await createKeyRing([older, newer]);
  expect((await openSession(system.singularity, keyRing, before)).state).toBe('{"step": 1}');
  expect((await openSession(system.singularity, keyRing, after)).state).toBe('{"step": 2}');

  await add("older", "openpgp", await publicBytesOf(older), true);
  expect(await keysKnown()).toEqual([
    { key_id: "newer", active: false, retired: true },
    { key_id: "older", active: true, retired: false },
  ]);
});

test("many activations at once leave one key active", async () => {
  const ids = Array.from({ length: 8 }, (_, index) => `key-${index}`);
  await Promise.all(ids.map((id) => add(id, "openpgp", publicKey, true)));
  const keys = await keysKnown();
  expect(keys.filter(({ active }) => active)).toHaveLength(1);
  expect(keys.filter(({ retired }) => retired)).toHaveLength(7);
});

test("sealing continues while a key is being added", async () => {
  await add("2025-10", "openpgp", publicKey, true);
  const client = await system.singularity.pool.connect();
  await client.query("begin");
  await client.query("select public.add_session_key('next', 'openpgp', $1, true)", [publicKey]);
  const sealed = await sealSession(system.singularity, "{}");
  await client.query("rollback");
  client.release();
  expect(sealed.key_id).toBe("2025-10");
});

test("every state opens to the text that the database has for it", async () => {
  await add("2025-10", "openpgp", publicKey, true);
  const keyRing = await createKeyRing([key]);
  // jsonb takes all of Unicode but its zero.
  const word = fc
    .string({ unit: "binary", maxLength: 20 })
    .map((text) => text.replaceAll("\0", "x"));
  const numeral = fc.oneof(
    fc.constantFrom("12345678901234567890", "0.10", "-0", "1e400", "1.0e-30", "9007199254740993"),
    fc.bigInt().map(String),
  );
  const { state } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      numeral,
      word.map((text) => JSON.stringify(text)),
      fc.constantFrom("true", "null", "{}"),
      tie("state") as fc.Arbitrary<string>,
      fc.array(tie("value") as fc.Arbitrary<string>, { maxLength: 3 }).map((items) => `[${items}]`),
    ),
    state: fc
      .array(fc.tuple(word, tie("value") as fc.Arbitrary<string>), { maxLength: 4 })
      .map((entries) => `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${value}`)}}`),
  }));
  const property = fc.asyncProperty(state, async (text) => {
    const { rows } = await system.singularity.pool.query<{ text: string }>(
      "select $1::jsonb::text as text",
      [text],
    );
    const sealed = await sealSession(system.singularity, text);
    const opened = await openSession(system.singularity, keyRing, sealed);
    expect(opened).toEqual({ state: rows[0]?.text, bound: true });
  });
  await fc.assert(property, { numRuns: 100 });
});

test("a seal without integrity protection does not open, though its key is ours", async () => {
  await add("2025-10", "openpgp", publicKey, true);
  const { rows } = await system.singularity.pool.query<{ data: string }>(
    `select encode(pgp_pub_encrypt_bytea('{"a":1}', $1, 'cipher-algo=aes256, disable-mdc=1'), 'base64') as data`,
    [publicKey],
  );
  const sealed = { alg: "openpgp", key_id: "2025-10", data: rows[0]?.data ?? "" };
  const keyRing = await createKeyRing([key]);
  await expect(keyRing.open(sealed, "source")).rejects.toMatchObject({ code: "seal_broken" });
});

test("two seals of one state differ, and neither has a line break", async () => {
  await add("2025-10", "openpgp", publicKey, true);
  const seals = [
    await sealSession(system.singularity, "{}"),
    await sealSession(system.singularity, "{}"),
  ];
  expect(Object.keys(seals[0] ?? {}).sort()).toEqual(["alg", "data", "data_key", "key_id"]);
  expect(seals[0]?.data).not.toBe(seals[1]?.data);
  for (const data of seals.flatMap((seal) => [seal.data, seal.data_key]))
    expect(data).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
});

test("pgsodium is called as it wants to be, from the schema that it is in", async () => {
  // It can't be installed here, so a function of its name and arguments stands in for it.
  const { singularity } = system;
  const client = await singularity.pool.connect();
  await client.query("begin");
  await client.query(`
    create schema sodium_schema;
    create function sodium_schema.crypto_box_seal(message bytea, public_key bytea) returns bytea
      language sql as $$ select public_key || message $$;
    grant usage on schema sodium_schema to centralcloud_owner;
    insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    select 99999, 'pgsodium', 10, 'sodium_schema'::regnamespace, false, '3.1.9'`);
  const boxKey = Buffer.alloc(32, 7);
  await client.query("select public.add_session_key('box', 'x25519-sealedbox', $1, true)", [
    boxKey,
  ]);
  const { rows } = await client.query(
    `select (public.seal_session_states(array['a"'], array['s'], array[timestamptz '2025-10-25 12:00+02'], array[jsonb '{"n":0.10}']))[1] as sealed,
            source_id as source from public.singularity_source`,
  );
  await client.query("rollback");
  client.release();
  const { data, ...rest } = rows[0].sealed;
  expect(rest).toEqual({ alg: "x25519-sealedbox", key_id: "box" });
  const bytes = Buffer.from(data, "base64");
  expect(bytes.subarray(0, 32)).toEqual(boxKey);
  const [identity = "", ...state] = bytes.subarray(32).toString().split("\n");
  expect(JSON.parse(identity)).toEqual({
    source: rows[0].source,
    agent: 'a"',
    session: "s",
    version: "2025-10-25T10:00:00.000000Z",
  });
  expect(state).toEqual(['{"n": 0.10}']);
});

describe("migrate", () => {
  test("keeps pgcrypto where it is, and sealing finds it there", async () => {
    const database = await createTestDatabase();
    try {
      await database.pool.query("create schema tools; create extension pgcrypto with schema tools");
      const observations: string[] = [];
      await migrateAndSchedule("source", database.url, ({ event }) => observations.push(event));
      expect(observations).not.toContain("extension-installed");
      await database.pool.query("select public.add_session_key('k', 'openpgp', $1, true)", [
        publicKey,
      ]);
      const sealed = await sealSession(database, '{"n":0.10}');
      const keyRing = await createKeyRing([{ ...key, keyId: "k" }]);
      expect((await openSession(database, keyRing, sealed)).state).toBe('{"n": 0.10}');
    } finally {
      await dropTestDatabase(database);
    }
  });

  test("functions that are applied where pgcrypto is missing call nobody's in its place", async () => {
    const database = await createTestDatabase("source");
    try {
      const client = database.pool;
      await client.query("select public.add_session_key('k', 'openpgp', $1, true)", [publicKey]);
      await client.query("drop extension pgcrypto");
      for (const name of ["session_data_key", "seal_session_states"]) {
        const file = new URL(`singularity/functions/${name}.sql`, sqlDirectory);
        await client.query(readFileSync(file, "utf8"));
      }
      // As somebody who may create in public, where the extension was.
      await client.query(`
        create table public.caught (secret text);
        create function public.hmac(text, text, text) returns bytea language sql as $$
          insert into public.caught values ($2) returning '\\x00'::bytea $$;
        create function public.gen_random_bytes(integer) returns bytea language sql as $$ select '\\x00'::bytea $$`);
      await expect(
        client.query("select public.session_data_key('\\x00', 'secret', 1)"),
      ).rejects.toMatchObject({ code: "42883" });
      await expect(
        client.query(
          "select public.seal_session_states(array['a'], array['s'], array[now()], array[jsonb '{}'])",
        ),
      ).rejects.toThrow("need the extension pgcrypto");
      expect((await client.query("select from public.caught")).rows).toEqual([]);
    } finally {
      await dropTestDatabase(database);
    }
  });

  test("says which extension is missing, and what to do", () => {
    expect(new ExtensionMissingError("pgcrypto").message).toMatch(
      /does not offer the extension pgcrypto.*contrib modules.*migrate again/s,
    );
  });
});
