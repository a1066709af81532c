import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKeyRing, generateKey, parseSessionKeys } from "@centralcloud/session-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { sealSession, sealState, sessionMessage } from "../support/session-keys.ts";

const system = useSystem();
failOnLeaks(system);
let folder: string;
let second: TestDatabase;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "centralcloud-keys-"));
  second = await createTestDatabase("source");
});

afterAll(async () => {
  await dropTestDatabase(second);
  await rm(folder, { recursive: true });
});

const bothSources = () => ({
  ...environmentOf(system),
  SOURCE_DATABASE_URLS: `${system.singularity.url} ${second.url}`,
});

describe("keys generate", () => {
  test("does not overwrite a file", async () => {
    await writeFile(path("mine"), "precious");
    const words = ["keys", "generate", "--key-id", "k", "--out", path("mine")];
    const { exitCode, stdout, stderr } = await runCommand(words, {});
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("exists, and is not overwritten");
    expect(await readFile(path("mine"), "utf8")).toBe("precious");
  });

  test.each([
    ["without an id", ["--out", "x"]],
    ["without a file", ["--key-id", "k"]],
    ["with a strange id", ["--key-id", "two words", "--out", "x"]],
    ["with an unknown algorithm", ["--key-id", "k", "--out", "x", "--alg", "rot13"]],
  ])("%s is wrong usage", async (_, words) => {
    const { exitCode, stderr } = await runCommand(["keys", "generate", ...words], {});
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error: /);
  });

  test("asks the configured sources what they can seal with, and says which can't be reached", async () => {
    const words = ["keys", "generate", "--key-id", "k", "--out", path("unreachable")];
    const { exitCode } = await runCommand(words, {
      SOURCE_DATABASE_URLS: "postgres://user:hunter2@127.0.0.1:1/nothing",
    });
    expect(exitCode).toBe(3);
    await expect(stat(path("unreachable"))).rejects.toThrow("ENOENT");
  });

  test("makes an OpenPGP key where pgsodium is not everywhere, in a file of its owner's alone", async () => {
    const words = ["keys", "generate", "--key-id", "2025-10", "--out", path("2025-10.json")];
    const { exitCode, stdout, stderr } = await runCommand(words, bothSources());
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect((await stat(path("2025-10.json"))).mode & 0o777).toBe(0o600);
    const [key] = parseSessionKeys(await readFile(path("2025-10.json"), "utf8"));
    const { fingerprint } = (await createKeyRing(key ? [key] : [])).keys[0] ?? {};
    expect(key).toMatchObject({ keyId: "2025-10", alg: "openpgp" });
    expect(stdout).toContain(`fingerprint  ${fingerprint}`);
    expect(stdout).toContain("BEGIN PGP PUBLIC KEY BLOCK");
    expect(stdout).toContain(`centralcloud keys add --from ${path("2025-10.json")} --activate`);
    expect(stdout).not.toContain("PRIVATE KEY BLOCK");
  });

  test("prints the private key on request, and nothing else on standard output", async () => {
    const words = ["keys", "generate", "--key-id", "box", "--alg", "x25519-sealedbox", "--print"];
    const out = path("box.json");
    const { exitCode, stdout, stderr } = await runCommand([...words, "--out", out], {});
    expect(exitCode).toBe(0);
    expect(stdout).toBe(await readFile(out, "utf8"));
    expect(stderr).toContain("algorithm    x25519-sealedbox");
  });
});

describe("keys add", () => {
  test.each([
    ["a file that is not there", async () => path("missing"), /can't be read \(ENOENT\)/],
    ["a file of something else", async () => path("mine"), /it is not a JSON object/],
    [
      "a file of two keys",
      async () => {
        const files = ["2025-10.json", "box.json"].map((name) => readFile(path(name), "utf8"));
        await writeFile(path("two.json"), (await Promise.all(files)).join(""));
        return path("two.json");
      },
      /it holds 2 keys; give a file of one/,
    ],
  ])("%s is wrong usage", async (_, file, message) => {
    const { exitCode, stderr } = await runCommand(
      ["keys", "add", "--from", await file()],
      bothSources(),
    );
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^--from /);
  });

  test("fails where a source can't seal for the key, and shows no private key", async () => {
    const { exitCode, stderr } = await runCommand(
      ["keys", "add", "--from", path("box.json")],
      bothSources(),
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain("need the extension pgsodium");
  });

  test("makes the public part known to every source; keys list tells of each, and what is held", async () => {
    const file = path("2025-10.json");
    const add = ["keys", "add", "--from", file];
    const added = await runCommand(add, bothSources());
    expect(added).toEqual({
      exitCode: 0,
      stdout: `${system.singularity.name}: knows 2025-10, which is not active\n${second.name}: knows 2025-10, which is not active\n`,
      stderr: "",
    });
    const activated = await runCommand([...add, "--activate"], environmentOf(system));
    expect(activated.stdout).toBe(`${system.singularity.name}: knows 2025-10, which is active\n`);

    const list = async (extra: Record<string, string>) => {
      const words = ["keys", "list", "--json"];
      return JSON.parse((await runCommand(words, { ...bothSources(), ...extra })).stdout);
    };
    const row = {
      keyId: "2025-10",
      algorithm: "openpgp",
      retiredAt: null,
      binds: true,
      createdAt: expect.stringMatching(/^\d{4}-.*\.\d{6}Z$/),
      fingerprint: expect.stringMatching(/^SHA256:/),
    };
    const rows = [
      { ...row, source: system.singularity.name, active: true, held: true, lackedBy: [] },
      { ...row, source: second.name, active: false, held: true, lackedBy: [] },
    ];
    expect(await list({ SESSION_PRIVATE_KEYS_FILE: file })).toEqual(rows);
    expect(await list({})).toEqual(rows.map((each) => ({ ...each, held: false })));
    // Another key of the same id is not that key.
    const other = await generateKey({ alg: "openpgp", keyId: "2025-10" });
    const text = JSON.stringify({
      ...JSON.parse(await readFile(file, "utf8")),
      public_key: other.publicKey,
      private_key: other.privateKey,
    });
    expect(await list({ SESSION_PRIVATE_KEYS: text })).toEqual(
      rows.map((each) => ({ ...each, held: false })),
    );
    const table = await runCommand(["keys", "list"], bothSources());
    expect(table.stdout.split("\n")[0]).toMatch(/^source +keyId +algorithm +active/);
  });
});

test("a private key that can't be used is a mistake of the configuration, for every command", async () => {
  const key = JSON.parse(await readFile(path("box.json"), "utf8"));
  const text = JSON.stringify({ ...key, private_key: "hunter2" });
  for (const command of [["consume"], ["drain"], ["keys", "list"], ["sessions", "show", "s"]]) {
    const { exitCode, stderr } = await runCommand(command, {
      ...environmentOf(system),
      LOG_LEVEL: "silent",
      SESSION_PRIVATE_KEYS: text,
    });
    expect({ command, exitCode, stderr }).toEqual({
      command,
      exitCode: 2,
      stderr: "SESSION_PRIVATE_KEYS: key box: private_key must be 32 bytes in base64\n",
    });
  }
});

describe("sessions show", () => {
  const show = (...words: readonly string[]) =>
    runCommand(["sessions", "show", ...words], {
      ...environmentOf(system),
      SESSION_PRIVATE_KEYS_FILE: path("2025-10.json"),
    });

  beforeAll(async () => {
    const queue = "agent-sessions";
    const state = '{"big":12345678901234567890,"exact":0.10,"text":"é"}';
    const sealed = await sealState(system.singularity, state);
    await queuesOf(system).sendBatch(queue, [
      sessionMessage({ session_id: "sealed", sealed }),
      sessionMessage({ session_id: "shared", sealed }),
      sessionMessage({ session_id: "plain", session_state: {} }).replace("{}", state),
    ]);
    const sessionKeys = parseSessionKeys(await readFile(path("2025-10.json"), "utf8"));
    await drainAll(system, { sessionKeys });
    const other = { singularity: second, central: system.central };
    const body = sessionMessage({ session_id: "shared", session_state: { mine: true } });
    await queuesOf(other).send(queue, body);
    await drainAll(other);
  });

  test("opens the state, with every digit", async () => {
    const { exitCode, stdout, stderr } = await show("sealed");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const { source_id } = (
      await system.singularity.pool.query("select source_id from singularity_source")
    ).rows[0];
    expect(stdout.split("\n")).toEqual([
      "session     sealed",
      "agent       agent-1",
      `source      ${system.singularity.name} (${source_id})`,
      "confidence  0.8",
      "synced at   2025-10-25T10:00:00.000001Z",
      "sealed      for 2025-10 by openpgp",
      "unbound     its seal does not name its session, and may have been another's",
      'state       {"big": 12345678901234567890, "text": "é", "exact": 0.10}',
      "",
    ]);
  });

  test.each([
    ["sealed", '"keyId":"2025-10"'],
    ["plain", '"keyId":null'],
  ])("as JSON, of a %s one", async (id, keyId) => {
    const { stdout } = await show(id, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      sessionId: id,
      agentId: "agent-1",
      source: system.singularity.name,
      confidence: 0.8,
      syncedAt: "2025-10-25T10:00:00.000001Z",
    });
    expect(stdout).toContain(
      `"confidence":0.8,${keyId},"state":{"big": 12345678901234567890, "text": "é", "exact": 0.10}}`,
    );
  });

  test("opens a seal that names its session, and no other in its place", async () => {
    const version = "2025-10-25T10:00:00.000001Z";
    const session = { agent: "agent-1", session: "bound", version };
    const sealed = await sealSession(system.singularity, '{"n":1.0}', session);
    const body = sessionMessage({ session_id: "bound", synced_at: version, sealed });
    await queuesOf(system).send("agent-sessions", body);
    const sessionKeys = parseSessionKeys(await readFile(path("2025-10.json"), "utf8"));
    expect((await drainAll(system, { sessionKeys })).report).toMatchObject({ processed: 1 });
    const { stdout } = await show("bound");
    expect(stdout).toContain("sealed      for 2025-10 by openpgp-data-key\nstate       ");
    expect(JSON.parse((await show("bound", "--json")).stdout)).toMatchObject({ bound: true });

    // Somebody who may write to the central store puts it in the place of another.
    await system.central.pool.query(
      `update central.agent_sessions s set sealed = o.sealed
         from central.agent_sessions o where s.session_id = 'sealed' and o.session_id = 'bound'`,
    );
    const moved = await show("sealed");
    expect(moved).toMatchObject({ exitCode: 1, stdout: "" });
    expect(moved.stderr).toContain("the seal opens, but names another session: it was made for");
  });

  test("says when there is no such session", async () => {
    const { exitCode, stderr } = await show("nobody's");
    expect(exitCode).toBe(1);
    expect(stderr).toBe("centralcloud: there is no session nobody's in the central store\n");
    const other = await show("sealed", "--source", second.name);
    expect(other.stderr).toContain(`no session sealed of source ${second.name}`);
  });

  test("says when several sources have it, and shows the one that is chosen", async () => {
    const { exitCode, stderr } = await show("shared");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("several sources have a session shared; choose by --source: ");
    for (const name of [system.singularity.name, second.name]) expect(stderr).toContain(name);
    const chosen = await show("shared", "--source", second.name);
    expect(chosen.stdout).toContain('state       {"mine": true}');
  });

  test("says which key is missing", async () => {
    const without = await runCommand(["sessions", "show", "sealed"], environmentOf(system));
    expect(without.exitCode).toBe(1);
    expect(without.stderr).toBe(
      "centralcloud: the session is sealed for key 2025-10; give it in SESSION_PRIVATE_KEYS_FILE\n",
    );
    const other = await runCommand(["sessions", "show", "sealed"], {
      ...environmentOf(system),
      SESSION_PRIVATE_KEYS_FILE: path("box.json"),
    });
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain('for key "2025-10", which this key ring does not hold');
  });

  test("says when the central store can't be reached", async () => {
    const { exitCode } = await runCommand(["sessions", "show", "s"], {
      CENTRAL_DATABASE_URL: "postgres://127.0.0.1:1/nothing",
    });
    expect(exitCode).toBe(3);
  });
});
