import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = fileURLToPath(new URL("../../deploy/kubernetes/roll-out", import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "centralcloud-roll-out-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the script with a kubectl that notes what it is told, and says that the Job is in this state. */
function rollOut(state: string, ...words: readonly string[]) {
  const kubectl = join(folder, "kubectl");
  writeFileSync(
    kubectl,
    `#!/bin/bash
echo "$1 $2 \${*: -1}" >>"${folder}/calls"
case "$1 $2" in
  "get job") echo "${state}" ;;
  "get pods") echo "centralcloud-migration-x Pending ImagePullBackOff" ;;
  "logs "*) echo "the log of the migration" ;;
esac
`,
    { mode: 0o755 },
  );
  const { status, stdout, stderr } = spawnSync(script, ["production", ...words], {
    encoding: "utf8",
    timeout: 30_000,
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      // Whole seconds, the first of which may be over at once.
      ROLL_OUT_DEADLINE_S: state === "" ? "1" : "25",
      ROLL_OUT_PAUSE_S: "0.1",
    },
  });
  const calls = readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
  return { status, stdout, stderr, applied: calls.filter((call) => call.startsWith("apply")) };
}

test("consumers are applied only after the migration is complete, and it says what it waits for", () => {
  const { status, stdout, applied } = rollOut("Complete");
  expect(status).toBe(0);
  expect(applied).toHaveLength(2);
  expect(applied[0]).toContain("notin (consumer, scheduler)");
  expect(stdout).toContain("migrating; centralcloud-migration-x Pending ImagePullBackOff");
});

test("a first install migrates, and leaves the consumers for when there are logins", () => {
  const { status, stdout, applied } = rollOut("Complete", "--only-migrate");
  expect(status).toBe(0);
  expect(applied).toHaveLength(1);
  expect(stdout).toContain("now make the logins");
});

test.each([
  ["fails", "Failed", /the migration failed, and the consumers were left/],
  ["never ends", "", /the migration did not end in time, and the consumers were left/],
])("a migration that %s leaves the consumers as they are, and shows its log", (_, state, words) => {
  const { status, stderr, applied } = rollOut(state);
  expect(status).toBe(1);
  expect(applied).toHaveLength(1);
  expect(stderr).toMatch(words);
  expect(stderr).toContain("the log of the migration");
});
