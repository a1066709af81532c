import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatSessionKey, generateKey } from "@centralcloud/session-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const apps = fileURLToPath(new URL("../../apps/", import.meta.url));
const commandLine = `${apps}cli/bin/centralcloud.mjs`;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "centralcloud-limited-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a program with an address space of so many kilobytes, as `ulimit -v` gives it. */
function runWithin(kilobytes: number, program: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    "bash",
    ["-c", `ulimit -v ${kilobytes} && exec "$0" "$@"`, process.execPath, program, ...words],
    {
      encoding: "utf8",
      timeout: 60_000,
      env: { ...process.env, ...environmentOf(system), SESSION_PRIVATE_KEYS_FILE: "" },
    },
  );
  return { status, stdout, stderr };
}

// Only Linux has such a limit that counts.
describe.runIf(process.platform === "linux")("an address space of 2 GB", () => {
  const limit = 2_000_000;

  test("is enough for keys, for reading commands and for consuming", async () => {
    const key = join(folder, "key.json");
    const words = ["keys", "generate", "--key-id", "one", "--out", key];
    const made = runWithin(limit, commandLine, ...words);
    expect(made).toMatchObject({ status: 0, stderr: "" });
    await queuesOf(system).send("centralcloud-new-patterns", patternMessage());
    expect(runWithin(limit, commandLine, "queues")).toMatchObject({ status: 0, stderr: "" });
    const drained = runWithin(limit, commandLine, "drain", "--timeout", "30");
    expect(drained).toMatchObject({ status: 0 });
    expect(drained.stdout).toMatch(/"processed": ?1\b/);
  });

  test("is too little for sealed boxes, and the key says what it needs", async () => {
    const file = join(folder, "box.json");
    writeFileSync(
      file,
      formatSessionKey(await generateKey({ keyId: "box", alg: "x25519-sealedbox" })),
    );
    const { status, stderr } = runWithin(limit, commandLine, "keys", "ensure", "--from", file);
    expect(status).toBe(2);
    expect(stderr).toContain("key box: x25519-sealedbox needs WebAssembly");
    expect(stderr).toContain("raise the limit (ulimit -v)");
  });

  test.each([
    ["the command line", commandLine, ["doctor"]],
    ["the consumer", `${apps}consumer/dist/main.js`, []],
    ["npm start", `${apps}local/dist/main.js`, []],
  ] as const)("is said by %s where less than what it needs is left", (_, program, words) => {
    const { status, stderr } = runWithin(1_300_000, program, ...words);
    expect(status).toBe(2);
    expect(stderr.trim()).toMatch(
      /^the address space of this process is limited to 1269 MB \(ulimit -v\), and it needs \d+ MB: .*$/,
    );
  });
});
