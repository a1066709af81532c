import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConsumer } from "@centralcloud/consumer";
import {
  createKeyRing,
  formatSessionKey,
  generateKey,
  type SessionKey,
} from "@centralcloud/session-keys";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { configurationFor } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
let folder = "";
const keys = new Map<string, SessionKey>();
const keyOf = (keyId: string) => keys.get(keyId) as SessionKey;
const fileOf = (keyId: string) => join(folder, `${keyId}.json`);
const gone = "postgres://user:hunter2@127.0.0.1:1/gone";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "held-keys-"));
  for (const keyId of ["a", "b"]) {
    keys.set(keyId, await generateKey({ alg: "openpgp", keyId }));
    await writeFile(fileOf(keyId), formatSessionKey(keyOf(keyId)), { mode: 0o600 });
  }
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  await system.singularity.pool.query("delete from session_keys");
  await system.central.pool.query("delete from central.consumers");
});

const run = (words: readonly string[], more: Record<string, string> = {}) =>
  runCommand(words, { ...environmentOf(system), ...more });
const activate = (keyId: string, ...more: readonly string[]) =>
  run(["keys", "add", "--from", fileOf(keyId), "--activate", ...more]);

async function activeKey(): Promise<string | undefined> {
  const { rows } = await system.singularity.pool.query<{ id: string }>(
    "select key_id as id from session_keys where active",
  );
  return rows[0]?.id;
}

/** A consumer at work that holds these keys, for as long as the work takes. */
async function besideConsumer(held: readonly string[], work: () => Promise<void>): Promise<void> {
  const consumer = createConsumer(
    configurationFor(system, { sessionKeys: held.map(keyOf) }),
    () => {},
  );
  await consumer.start();
  try {
    await until("it is on the list", async () => {
      const { rowCount } = await system.central.pool.query("select from central.consumers");
      return rowCount === 1;
    });
    await work();
  } finally {
    await consumer.stop();
  }
}

describe("a key that a consumer at work does not hold", () => {
  test("is not activated, nor added; the consumer is named", async () => {
    await besideConsumer(["a"], async () => {
      const { exitCode, stdout, stderr } = await activate("b");
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toMatch(
        /b is not held by every consumer at work:\n +[0-9a-f-]{36} on \S+ lacks it/,
      );
      const { rowCount } = await system.singularity.pool.query("select from session_keys");
      expect(rowCount).toBe(0);
      expect((await activate("a")).exitCode).toBe(0);
      expect(await activeKey()).toBe("a");
    });
  });

  test("is activated where that is forced, and said by doctor and keys list", async () => {
    await besideConsumer(["a"], async () => {
      const forced = await activate("b", "--force");
      expect(forced.exitCode).toBe(0);
      expect(forced.stderr).toContain("warning: b is not held");
      const doctor = await run(["doctor", "--json"]);
      const finding = JSON.parse(doctor.stdout).findings.find(
        ({ check }: { check: string }) => check === "held-keys",
      );
      expect(finding).toMatchObject({
        severity: "error",
        message: expect.stringMatching(/for the key b, which these consumers do not hold: \S+ on /),
      });
      const listed = JSON.parse((await run(["keys", "list", "--json"])).stdout);
      expect(listed).toMatchObject([{ keyId: "b", lackedBy: [{ id: expect.any(String) }] }]);
      expect((await run(["keys", "list"])).stdout).toMatch(/ b .* \S+ \([0-9a-f]{8}\)/);
      // What is active already is not activated.
      expect((await activate("b")).exitCode).toBe(0);
    });
  });

  test("may have the id of one that it holds", async () => {
    const twin = await generateKey({ alg: "openpgp", keyId: "a" });
    const file = join(folder, "twin.json");
    await writeFile(file, formatSessionKey(twin), { mode: 0o600 });
    await besideConsumer(["a"], async () => {
      const { exitCode, stderr } = await run(["keys", "add", "--from", file, "--activate"]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("lacks it");
    });
  });

  test("is one that an older consumer does not tell of", async () => {
    await system.central.pool.query(
      "select central.report_consumer(p_id => gen_random_uuid(), p_version => '0.0.9', p_host => 'old')",
    );
    const { exitCode, stderr } = await activate("a");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("on old does not say which keys it holds (0.0.9)");
  });
});

describe("seals that name their session", () => {
  const bind = () => run(["keys", "bind"]);
  const sealsBind = async () =>
    (await system.singularity.pool.query("select binds from session_keys")).rows[0]?.binds;
  const older = () =>
    system.central.pool.query(
      `select central.report_consumer(p_id => gen_random_uuid(), p_version => '0.0.9', p_host => 'old',
                                      p_held_keys => $1)`,
      [heldKeys],
    );
  let heldKeys: object = {};

  beforeAll(async () => {
    const { keys: parts } = await createKeyRing([keyOf("a")]);
    heldKeys = Object.fromEntries(parts.map(({ keyId, fingerprint }) => [keyId, fingerprint]));
  });

  test("begin only when no consumer of an older version is left, and doctor asks for it", async () => {
    expect((await activate("a")).exitCode).toBe(0);
    // As a source is after its migration.
    await system.singularity.pool.query("update session_keys set binds = false");
    const about = async (check: string) => {
      const { findings } = JSON.parse((await run(["doctor", "--json"])).stdout);
      return findings.filter((finding: { check: string }) => finding.check === check);
    };
    expect(await about("session-keys")).toMatchObject([
      { severity: "ok" },
      { severity: "warning", message: expect.stringContaining("do not name their session") },
    ]);
    await older();
    const refused = await bind();
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toMatch(
      /do not open seals that name their session:\n +\S+ on old \(0\.0\.9\)/,
    );
    expect(await sealsBind()).toBe(false);

    await system.central.pool.query("delete from central.consumers");
    await besideConsumer(["a"], async () => {
      const name = system.singularity.name;
      expect(await bind()).toMatchObject({
        exitCode: 0,
        stdout: `${name}: seals name their session from now on, for key a\n`,
      });
      expect(await sealsBind()).toBe(true);
      expect((await bind()).stdout).toBe(`${name}: seals name their session already\n`);
      expect(await about("held-keys")).toMatchObject([{ severity: "ok" }]);
    });

    // A consumer of the older version is started nevertheless.
    await older();
    expect(await about("held-keys")).toMatchObject([
      {
        severity: "error",
        message: expect.stringMatching(/are too old to open such: \S+ on old/),
      },
    ]);
  });

  test("keep a new key from being activated beside a consumer of an older version", async () => {
    await older();
    const refused = await activate("a");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("on old does not open seals that name their session (0.0.9)");
    expect(await activeKey()).toBeUndefined();
    // One that the source has from before its migration seals as before, which that consumer opens.
    expect((await activate("a", "--force")).exitCode).toBe(0);
    await system.singularity.pool.query("update session_keys set binds = false, active = false");
    expect(await activate("a")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await sealsBind()).toBe(false);
  });
});

describe("a key is activated", () => {
  test("where every consumer holds it, which doctor and keys list say", async () => {
    await besideConsumer(["a", "b"], async () => {
      expect((await activate("b")).exitCode).toBe(0);
      const { stdout } = await run(["doctor", "--all"]);
      expect(stdout).toContain("every consumer holds the key b");
      expect(JSON.parse((await run(["keys", "list", "--json"])).stdout)).toMatchObject([
        { keyId: "b", lackedBy: [] },
      ]);
    });
  });

  test("where no consumer is at work yet, or they have been silent for a minute", async () => {
    expect((await activate("a")).exitCode).toBe(0);
    await system.central.pool.query(
      `insert into central.consumers (id, version, host, last_seen_at)
       values (gen_random_uuid(), '1', 'gone', clock_timestamp() - interval '2 minutes')`,
    );
    expect((await activate("b")).exitCode).toBe(0);
    expect(await activeKey()).toBe("b");
  });

  test("without activation although nobody holds it: that is how it becomes known", async () => {
    await besideConsumer([], async () => {
      expect((await run(["keys", "add", "--from", fileOf("a")])).exitCode).toBe(0);
      expect(await activeKey()).toBeUndefined();
    });
  });
});

test("without the central store nobody can tell: not activated unless forced, and listed nevertheless", async () => {
  const away = { CENTRAL_DATABASE_URL: gone };
  const words = ["keys", "add", "--from", fileOf("a"), "--activate"];
  const refused = await run(words, away);
  expect(refused).toMatchObject({ exitCode: 3, stdout: "" });
  expect(await activeKey()).toBeUndefined();
  const forced = await run([...words, "--force"], away);
  expect(forced.exitCode).toBe(0);
  expect(forced.stderr).toMatch(/warning: whether the consumers hold the key is not known/);
  const listed = await run(["keys", "list", "--json"], away);
  expect(listed.exitCode).toBe(3);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    keys: [{ keyId: "a", lackedBy: null }],
    unreachable: [{ source: "127.0.0.1:1/gone" }],
  });
});
