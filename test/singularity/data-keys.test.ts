import { createKeyRing, type KeyRing, type Sealed } from "@centralcloud/session-keys";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { addNewKey, anySession, openSession } from "../support/session-keys.ts";

/* A data key belongs to one database session, and lives in its memory alone. */

const system = useSystem();
failOnLeaks(system);
const members = useMembers(system, { application: "centralcloud_application" });
const db = () => system.singularity.pool;
let ring: KeyRing;
let clients: pg.Client[] = [];

beforeAll(async () => {
  const key = await addNewKey(system.singularity, "2026-11", { activate: true });
  const next = await addNewKey(system.singularity, "2026-12", { activate: false });
  ring = await createKeyRing([key, next]);
});
beforeEach(async () => {
  await activate("2026-11");
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.end()));
  clients = [];
  await db().query(`truncate agent_sessions, pgmq."q_agent-sessions"`);
});
afterAll(() => ring.forget());

async function activate(keyId: string): Promise<void> {
  await db().query("update session_keys set active = false");
  await db().query("update session_keys set active = true where key_id = $1", [keyId]);
}

async function openClient(url = system.singularity.url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  clients.push(client);
  await client.connect();
  return client;
}

async function seal(client: pg.ClientBase, count = 1): Promise<Sealed[]> {
  const { agent, session, version } = anySession;
  const { rows } = await client.query(
    `select public.seal_session_states(
              array_fill($1::text, array[$4::integer]), array_fill($2::text, array[$4::integer]),
              array_fill($3::timestamptz, array[$4::integer]), array_fill(jsonb '{"step": 1}', array[$4::integer])) as seals`,
    [agent, session, version, count],
  );
  return rows[0].seals;
}

async function dataKeyOf(client: pg.ClientBase, count = 1): Promise<string> {
  const keys = new Set((await seal(client, count)).map(({ data_key }) => data_key));
  const [key] = keys;
  if (keys.size !== 1 || !key) throw new Error("they have no data key, or several");
  return key;
}

async function settingsOf(client: pg.ClientBase): Promise<{ key: string; seals: string }> {
  const { rows } = await client.query(
    `select current_setting('centralcloud.data_key') as key, current_setting('centralcloud.data_key_seals') as seals`,
  );
  return rows[0];
}

async function set(client: pg.ClientBase, name: string, value: string): Promise<void> {
  await client.query("select set_config($1, $2, false)", [`centralcloud.${name}`, value]);
}

/** What the secret of the active key makes of a text: what a source alone can do. */
async function hashBySource(text: string): Promise<string> {
  const { rows } = await db().query(
    "select encode(hmac($1, k.data_key_secret, 'sha256'), 'hex') as hash from session_keys k where k.active",
    [text],
  );
  return rows[0].hash;
}

describe("a data key", () => {
  test("seals the states of one database session, and no other's", async () => {
    const [one, other] = [await openClient(), await openClient()];
    const key = await dataKeyOf(one);
    expect(await dataKeyOf(one, 3)).toBe(key);
    expect(await dataKeyOf(other)).not.toBe(key);
    for (const client of [one, other]) {
      const [sealed] = await seal(client);
      expect(await openSession(system.singularity, ring, sealed as Sealed)).toEqual({
        state: '{"step": 1}',
        bound: true,
      });
    }
  });

  test("seals a thousand states at most", async () => {
    const client = await openClient();
    const first = await dataKeyOf(client, 998);
    expect(await dataKeyOf(client, 2)).toBe(first);
    const second = await dataKeyOf(client);
    expect(second).not.toBe(first);
    expect(await dataKeyOf(client, 1000)).not.toBe(second);
    // More at once than it may: the caller's limit is smaller, and each gets a new one.
    expect(await dataKeyOf(client, 2000)).not.toBe(await dataKeyOf(client));
  });

  test.each([
    ["is kept", "299 seconds old", -298, true],
    ["is not kept", "300 seconds old", -300, false],
    ["is not kept", "made in the future, before the clock was set back", 60, false],
  ])("%s when it is %s", async (_, __, seconds, isKept) => {
    const client = await openClient();
    await dataKeyOf(client);
    const [number, , sealed] = (await settingsOf(client)).key.split(" ");
    const at = Math.floor(Date.now() / 1000) + seconds;
    const described = `${number} ${at} ${sealed}`;
    await set(client, "data_key", `${described} ${await hashBySource(described)}`);
    expect((await dataKeyOf(client)) === sealed).toBe(isKept);
  });

  test("is made anew at once when another session key is activated, and when that is taken back", async () => {
    const client = await openClient();
    const seals: Sealed[] = [];
    for (const keyId of ["2026-11", "2026-12", "2026-11"]) {
      await activate(keyId);
      seals.push(...(await seal(client, 2)));
    }
    expect(seals.map(({ key_id }) => key_id.slice(-2)).join(" ")).toBe("11 11 12 12 11 11");
    expect(new Set(seals.map(({ data_key }) => data_key)).size).toBe(3);
    for (const sealed of seals) {
      expect((await openSession(system.singularity, ring, sealed)).bound).toBe(true);
    }
  });

  test("that a transaction made which is rolled back seals nothing afterwards, and the next one opens", async () => {
    const client = await openClient();
    await client.query("begin");
    const lost = await dataKeyOf(client);
    await client.query("rollback");
    const [sealed] = await seal(client);
    expect(sealed?.data_key).not.toBe(lost);
    expect((await openSession(system.singularity, ring, sealed as Sealed)).bound).toBe(true);
  });

  test.each(["discard all", "reset all", "reset centralcloud.data_key"])(
    "is gone after %s, and another one is made",
    async (statement) => {
      const client = await openClient();
      const key = await dataKeyOf(client);
      await client.query(statement);
      expect(await dataKeyOf(client)).not.toBe(key);
    },
  );

  test.each([
    ["nothing", ""],
    ["a text", "x"],
    ["four words", "a b c d"],
    ["blanks", "    "],
    ["another alphabet", "é ü ñ 日"],
    ["a number that is none", `${"0".repeat(64)} 99999999999999999999999 AAAA ${"0".repeat(64)}`],
    ["a lot", "x ".repeat(100_000)],
  ])("is no setting of somebody else's: %s", async (_, value) => {
    const client = await openClient(members.application.singularity.url);
    await set(client, "data_key", value);
    await set(client, "data_key_seals", value);
    await client.query(`insert into agent_sessions (agent_id, state) values ('a', '{}')`);
    const { rows } = await client.query("select unsynced, sync_error from agent_sessions");
    expect(rows).toEqual([{ unsynced: false, sync_error: null }]);
  });
});

describe("whoever uses the same connection", () => {
  test("reads nothing from which the data key could be had without the source's secret", async () => {
    const client = await openClient(members.application.singularity.url);
    await client.query(`insert into agent_sessions (agent_id, state) values ('a', '{}')`);
    const { key, seals } = await settingsOf(client);
    const [number = "", at, sealed = "", hash] = key.split(" ");
    expect(seals).toBe("1");
    const dataKey = await hashBySource(`data key ${number}`);
    expect(key).not.toContain(dataKey);
    expect(hash).toBe(await hashBySource(`${number} ${at} ${sealed}`));
    await expect(client.query("select data_key_secret from session_keys")).rejects.toThrow(
      "permission denied",
    );
    await expect(client.query("select session_data_key('', '', 1)")).rejects.toThrow(
      "permission denied",
    );
    // Neither is in a table of the source, so a dump opens nothing.
    const { rows } = await db().query(
      `select string_agg(t.text, ' ') as text from (
         select s::text as text from agent_sessions s
          union all select q::text from pgmq."q_agent-sessions" q
          union all select k::text from session_keys k) t`,
    );
    expect(rows[0].text).toContain(sealed);
    for (const secret of [number, dataKey]) expect(rows[0].text).not.toContain(secret);
  });

  test("can't have the next one's states sealed by a data key that it knows", async () => {
    const client = await openClient();
    const own = await openClient();
    await client.query("set role centralcloud_application");
    // All that a hostile login can make without the secret: the key would be known, its hash is not right.
    const number = "0".repeat(64);
    const described = `${number} ${Math.floor(Date.now() / 1000)} ${await dataKeyOf(own)}`;
    for (const secret of ["", "guess", number]) {
      const { rows } = await db().query("select encode(hmac($1, $2, 'sha256'), 'hex') as hash", [
        described,
        secret,
      ]);
      await set(client, "data_key", `${described} ${rows[0].hash}`);
      await set(client, "data_key_seals", "0");
      await client.query(`insert into agent_sessions (agent_id, state) values ('victim', '{}')`);
      expect((await settingsOf(client)).key).not.toContain(number);
    }
  });
});

test("no plan that the server may write to its log has a data key, or the secret that it is made of", async () => {
  const client = await openClient();
  const told: string[] = [];
  client.on("notice", ({ message, detail, where }) => told.push(`${message} ${detail} ${where}`));
  await client.query("load 'auto_explain'");
  for (const [name, value] of Object.entries({
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_triggers": "on",
    "auto_explain.log_parameter_max_length": "-1",
    "auto_explain.log_settings": "on",
    "auto_explain.log_level": "notice",
    log_statement: "all",
    log_duration: "on",
    client_min_messages: "debug1",
  })) {
    await client.query("select set_config($1, $2, false)", [name, value]);
  }
  await client.query(`insert into agent_sessions (agent_id, state) values ('a', '{"n":1}')`);
  await client.query(
    `insert into agent_sessions (agent_id, state) values ('b', '{}'), ('c', '{}')`,
  );
  await client.query(`update agent_sessions set state = '{"n":2}'`);
  const text = told.join("\n");
  expect(text).toContain("session_keys"); // what runs inside of functions is told
  const { rows } = await db().query("select data_key_secret as secret from session_keys");
  const { key } = await settingsOf(client);
  const number = key.split(" ")[0] ?? "";
  const secrets = [
    number,
    await hashBySource(`data key ${number}`),
    ...rows.map((row) => row.secret),
  ];
  for (const secret of secrets) expect(text).not.toContain(secret);
  for (const secret of secrets) {
    expect(text).not.toContain(Buffer.from(secret).toString("hex"));
  }
});

test("a key that does not bind yet seals as before, for consumers of an older version", async () => {
  await db().query("update session_keys set binds = false where active");
  try {
    const client = await openClient();
    const [sealed] = await seal(client);
    expect(Object.keys(sealed ?? {}).sort()).toEqual(["alg", "data", "key_id"]);
    expect(sealed?.alg).toBe("openpgp");
    expect(await openSession(system.singularity, ring, sealed as Sealed)).toEqual({
      state: '{"step": 1}',
      bound: false,
    });
  } finally {
    await db().query("update session_keys set binds = true");
  }
});

test("a key that is added again does not lose what its data keys are made of", async () => {
  const [part] = ring.keys;
  const secretOf = async () =>
    (await db().query("select data_key_secret as s from session_keys where key_id = '2026-11'"))
      .rows[0].s;
  const before = await secretOf();
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  await db().query("select add_session_key('2026-11', 'openpgp', $1, true)", [part?.publicKey]);
  expect(await secretOf()).toBe(before);
});
