import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
failOnLeaks(system);
let folder: string;
let later: TestDatabase;
let ring: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "centralcloud-ensure-"));
  ring = join(folder, "ring.json");
  later = await createTestDatabase("source");
});

afterAll(async () => {
  await dropTestDatabase(later);
  await rm(folder, { recursive: true });
});

async function generate(keyId: string): Promise<string> {
  const file = join(folder, `${keyId}.json`);
  const words = ["keys", "generate", "--key-id", keyId, "--alg", "openpgp", "--out", file];
  expect(await runCommand(words, environmentOf(system))).toMatchObject({ exitCode: 0 });
  return file;
}

const ensure = (file = ring, environment: Record<string, string> = environmentOf(system)) =>
  runCommand(["keys", "ensure", "--from", file], environment);

/** The keys that a source knows, the active one with a star. */
async function keysOf({ pool }: TestDatabase): Promise<string> {
  const { rows } = await pool.query<{ key: string }>(
    `select key_id || case when active then '*' else '' end as key from session_keys order by created_at`,
  );
  return rows.map(({ key }) => key).join(" ");
}

test("the first key is made known and active, and again changes nothing", async () => {
  await writeFile(ring, await readFile(await generate("first"), "utf8"));
  const { singularity } = system;
  for (let time = 0; time < 2; time++) {
    expect(await ensure()).toMatchObject({
      exitCode: 0,
      stdout: `${singularity.name}: sessions are sealed for first\n`,
    });
    expect(await keysOf(singularity)).toBe("first*");
  }
});

test("after a rotation it neither fails nor undoes it", async () => {
  const second = await generate("second");
  await appendFile(ring, await readFile(second, "utf8"));
  // In the midst of it: the ring has the key, and it was not activated.
  expect((await ensure()).stdout).toContain("sealed for first");
  expect(await keysOf(system.singularity)).toBe("first* second");

  const activate = ["keys", "add", "--from", ring, "--key-id", "second", "--activate"];
  expect(await runCommand(activate, environmentOf(system))).toMatchObject({ exitCode: 0 });
  expect((await ensure()).stdout).toContain("sealed for second");
  expect(await keysOf(system.singularity)).toBe("first second*");
});

test("keys add wants to be told which key of a ring, and names one that is not there", async () => {
  const add = (...words: string[]) =>
    runCommand(["keys", "add", "--from", ring, ...words], environmentOf(system));
  expect(await add()).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining(
      "it holds 2 keys; give a file of one, or say which by --key-id",
    ),
  });
  expect(await add("--key-id", "third")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("it holds no key third"),
  });
});

test("with the ring from before the rotation it does not undo it either", async () => {
  expect((await ensure(join(folder, "first.json"))).stdout).toContain("sealed for second");
  expect(await keysOf(system.singularity)).toBe("first second*");
});

test("where sealing was ended on purpose, it stays so, and is said", async () => {
  await system.singularity.pool.query(
    "update session_keys set active = false, retired_at = now() where active",
  );
  expect((await ensure()).stdout).toContain("no key is active any more");
  expect(await keysOf(system.singularity)).toBe("first second");
});

test("a source that comes later begins with the newest key of the ring", async () => {
  const environment = {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: `${system.singularity.url} ${later.url}`,
  };
  expect(await ensure(ring, environment)).toMatchObject({ exitCode: 0 });
  expect(await keysOf(later)).toBe("second*");
});

test("of several at once, one key is active", async () => {
  await later.pool.query("truncate session_keys");
  const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS: later.url };
  const files = [join(folder, "first.json"), join(folder, "second.json"), ring];
  const all = await Promise.all(files.map((file) => ensure(file, environment)));
  expect(all.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
  expect((await keysOf(later)).match(/\*/g)).toHaveLength(1);
});

test("a file that is none, or has no key, is wrong usage", async () => {
  expect(await ensure(join(folder, "missing"))).toMatchObject({ exitCode: 2 });
  const empty = join(folder, "empty.json");
  await writeFile(empty, "");
  expect(await ensure(empty)).toMatchObject({ exitCode: 2 });
});
