import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shells } from "@centralcloud/cli";
import { queueNames } from "@centralcloud/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../support/run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "centralcloud-completion-"));
const scripts = new Map<string, string>();

beforeAll(async () => {
  mkdirSync(join(folder, "files"));
  for (const name of ["key one.json", "key-two.json"])
    writeFileSync(join(folder, "files", name), "");
  for (const shell of shells) {
    const { exitCode, stdout } = await runCommand(["completion", shell], {});
    expect(exitCode).toBe(0);
    const path = join(folder, shell === "zsh" ? "_centralcloud" : `centralcloud.${shell}`);
    writeFileSync(path, stdout);
    scripts.set(shell, path);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const has = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

function run(shell: string, args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(shell, args, {
    cwd: join(folder, "files"),
    encoding: "utf8",
    input,
    timeout: 20_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").filter(Boolean);
}

/** What bash offers for a line, as it splits it, with the cursor at its end. */
function bashCompletes(line: string): readonly string[] {
  // Bash takes = and blanks for borders of words.
  const words = line.split(/(=)| +/).filter((word) => word !== undefined);
  const given = words.filter((word, index) => word !== "" || index === words.length - 1);
  const typed = given.map((word) => `'${word}'`).join(" ");
  return run("bash", [
    "--norc",
    "-c",
    `source '${scripts.get("bash")}'
     COMP_WORDS=(${typed}); COMP_CWORD=${given.length - 1}
     _centralcloud
     printf '%s\\n' "\${COMPREPLY[@]}"`,
  ]);
}

describe.skipIf(!has("bash"))("bash", () => {
  test("completes commands, and those of a group", () => {
    expect(bashCompletes("centralcloud d")).toEqual(["drain", "dlq", "doctor"]);
    expect(bashCompletes("centralcloud dlq re")).toEqual(["replay", "restore", "replay-archive"]);
    expect(bashCompletes("centralcloud keys add-")).toEqual(["add-to-ring"]);
  });

  test("completes options of the command that was typed, and of no other", () => {
    expect(bashCompletes("centralcloud dlq replay --dr")).toEqual(["--dry-run"]);
    expect(bashCompletes("centralcloud queues --dr")).toEqual([]);
    expect(bashCompletes("centralcloud migrate --d")).toEqual(["--dry-run"]);
  });

  test("completes what an option takes, also behind an equals sign", () => {
    expect(bashCompletes("centralcloud dlq list --queue agent-")).toEqual(
      queueNames.filter((queue) => queue.startsWith("agent-")),
    );
    expect(bashCompletes("centralcloud dlq list --queue=agent-s")).toEqual(["agent-sessions"]);
    expect(bashCompletes("centralcloud actions list --state pl")).toEqual(["planned"]);
    expect(bashCompletes("centralcloud completion z")).toEqual(["zsh"]);
  });

  test("offers files where a file is wanted, with blanks in their names", () => {
    expect(bashCompletes("centralcloud keys add --from key").toSorted()).toEqual([
      "key one.json",
      "key-two.json",
    ]);
    expect(bashCompletes("centralcloud dlq import key-")).toEqual(["key-two.json"]);
  });

  test("offers nothing where nobody knows what comes, rather than something wrong", () => {
    expect(bashCompletes("centralcloud dlq list --source q")).toEqual([]);
    expect(bashCompletes("centralcloud nonsense ")).toContain("queues");
  });

  test("takes the value of an option for no command", () => {
    expect(bashCompletes("centralcloud dlq list --text show --que")).toEqual(["--queue"]);
  });
});

describe.skipIf(!has("zsh"))("zsh", () => {
  /** What zsh's own functions are asked to offer. */
  const zshCompletes = (words: readonly string[]) =>
    run("zsh", [
      "-f",
      "-c",
      `compdef() { :; }
       compadd() { shift; print -l -- "$@"; }
       _files() { print -l -- FILES; }
       _describe() { print -rl -- "\${(@P)\${@[-1]}%%:*}"; }
       source '${scripts.get("zsh")}'
       words=(${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length}
       _centralcloud; exit 0`,
    ]);

  test("completes commands, options and values", () => {
    expect(zshCompletes(["centralcloud", ""])).toContain("dlq");
    expect(zshCompletes(["centralcloud", "dlq", ""])).toContain("replay-archive");
    expect(zshCompletes(["centralcloud", "dlq", "list", "--"])).toContain("--queue");
    expect(zshCompletes(["centralcloud", "dlq", "list", "--queue", ""])).toEqual(queueNames);
    expect(zshCompletes(["centralcloud", "keys", "add", "--from", ""])).toEqual(["FILES"]);
    expect(zshCompletes(["centralcloud", "completion", ""])).toEqual(["bash", "zsh", "fish"]);
  });
});

describe.skipIf(!has("fish"))("fish", () => {
  const fishCompletes = (line: string) =>
    run("fish", [
      "--no-config",
      "-c",
      `source '${scripts.get("fish")}'; complete -C '${line}'`,
    ]).map((found) => found.split("\t")[0]);

  test("completes commands, options and values", () => {
    expect(fishCompletes("centralcloud d")).toEqual(
      expect.arrayContaining(["drain", "dlq", "doctor"]),
    );
    expect(fishCompletes("centralcloud dlq re").toSorted()).toEqual([
      "replay",
      "replay-archive",
      "restore",
    ]);
    expect(fishCompletes("centralcloud dlq list --que")).toEqual(["--queue"]);
    expect(fishCompletes("centralcloud dlq list --queue agent-s")).toEqual(["agent-sessions"]);
    expect(fishCompletes("centralcloud completion z")).toEqual(["zsh"]);
    expect(fishCompletes("centralcloud keys add --from key-")).toEqual(["key-two.json"]);
  });
});
