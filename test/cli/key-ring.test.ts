import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatSessionKey, generateKey, parseSessionKeys } from "@centralcloud/session-keys";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../support/run-command.ts";

let folder = "";
const path = (name: string) => join(folder, name);
const mode = async (name: string) => (await stat(path(name))).mode & 0o777;
const keysOf = async (name: string) => {
  const keys = parseSessionKeys(await readFile(path(name), "utf8"));
  return keys.map(({ keyId }) => keyId);
};
const add = (...words: readonly string[]) => runCommand(["keys", "add-to-ring", ...words], {});
const texts = new Map<string, string>();
const umask = process.umask(0o022);

beforeAll(async () => {
  for (const keyId of ["a", "b", "c"]) {
    texts.set(keyId, formatSessionKey(await generateKey({ alg: "x25519-sealedbox", keyId })));
  }
});
afterAll(() => void process.umask(umask));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "key-ring-"));
  await chmod(folder, 0o755);
  for (const [keyId, text] of texts) {
    await writeFile(path(`${keyId}.json`), text, { mode: 0o600 });
  }
});
afterEach(() => rm(folder, { recursive: true }));

describe("keys add-to-ring", () => {
  test("makes a ring, and extends it, readable by its owner alone", async () => {
    const made = await add("--from", path("a.json"), "--ring", path("ring.json"));
    expect(made).toMatchObject({ exitCode: 0 });
    expect(await mode("ring.json")).toBe(0o600);
    const more = await add(
      ...["--from", path("b.json"), "--from", path("c.json"), "--ring", path("ring.json")],
    );
    expect(more.stdout).toContain("has got b, c");
    expect(await keysOf("ring.json")).toEqual(["a", "b", "c"]);
    expect(await mode("ring.json")).toBe(0o600);
    const again = await add("--from", path("b.json"), "--ring", path("ring.json"));
    expect(again.stdout).toContain("has had all of them");
    expect(await keysOf("ring.json")).toEqual(["a", "b", "c"]);
    expect(await readdir(folder)).toEqual(["a.json", "b.json", "c.json", "ring.json"]);
  });

  test("closes a ring that cat has made, and says that it was open", async () => {
    await writeFile(path("ring.json"), texts.get("a") ?? "", { mode: 0o644 });
    const { exitCode, stderr } = await add("--from", path("b.json"), "--ring", path("ring.json"));
    expect(exitCode).toBe(0);
    expect(stderr).toContain("could be read by others until now");
    expect(await mode("ring.json")).toBe(0o600);
  });

  test("takes the ring of the environment, and follows a link to it", async () => {
    await writeFile(path("real.json"), texts.get("a") ?? "", { mode: 0o600 });
    await symlink(path("real.json"), path("ring.json"));
    const words = ["keys", "add-to-ring", "--from", path("b.json")];
    const environment = { SESSION_PRIVATE_KEYS_FILE: path("ring.json") };
    expect((await runCommand(words, environment)).exitCode).toBe(0);
    expect(await keysOf("real.json")).toEqual(["a", "b"]);
    expect((await runCommand(words, {})).exitCode).toBe(2);
  });

  test("leaves a ring as it is that it can't extend", async () => {
    const other = await generateKey({ alg: "x25519-sealedbox", keyId: "a" });
    await writeFile(path("other.json"), formatSessionKey(other), { mode: 0o600 });
    await writeFile(path("ring.json"), texts.get("a") ?? "", { mode: 0o600 });
    await writeFile(path("broken.json"), "{", { mode: 0o600 });
    for (const [from, ring, problem] of [
      ["other.json", "ring.json", "holds another key a"],
      ["broken.json", "ring.json", "--from"],
      ["nowhere.json", "ring.json", "can't be read (ENOENT)"],
      ["b.json", "broken.json", "--ring"],
    ] as const) {
      const before = await readFile(path(ring), "utf8");
      const { exitCode, stdout, stderr } = await add("--from", path(from), "--ring", path(ring));
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
      expect(stderr).toContain(problem);
      expect(await readFile(path(ring), "utf8")).toBe(before);
    }
    expect((await readdir(folder)).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("does not work beside another one", async () => {
    await writeFile(path("ring.json.new"), "");
    const { exitCode, stderr } = await add("--from", path("b.json"), "--ring", path("ring.json"));
    expect(exitCode).toBe(1);
    expect(stderr).toContain("ring.json.new exists");
  });
});

describe("a file of keys that every user can read", () => {
  const warning = "every user of this machine can read it";
  const list = (file: string) =>
    runCommand(["keys", "list"], {
      SOURCE_DATABASE_URLS: "postgres://user@127.0.0.1:1/gone",
      SESSION_PRIVATE_KEYS_FILE: file,
    });

  test.each([
    [0o644, 0o755, true],
    [0o604, 0o711, true],
    [0o640, 0o755, false],
    [0o600, 0o755, false],
    [0o644, 0o700, false],
  ])("of mode %o in a folder of mode %o", async (fileMode, folderMode, isTold) => {
    await chmod(path("a.json"), fileMode);
    await chmod(folder, folderMode);
    expect((await list(path("a.json"))).stderr.includes(warning)).toBe(isTold);
    const added = await add("--from", path("a.json"), "--ring", path("ring.json"));
    expect(added.stderr.includes(warning)).toBe(isTold);
  });
});
