import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pinnedPnpm } from "../../scripts/run.mjs";
import { root } from "./root.mjs";

/**
 * A copy of the repository as it is, uncommitted changes and all, beside it: no mistake is ever made in the checkout
 * itself. It is kept between runs, so that the next one copies and builds what has changed only.
 */
export function prepareSandbox() {
  const id = createHash("sha256").update(root).digest("hex").slice(0, 12);
  const path = join(tmpdir(), `centralcloud-mutants-${id}`);
  copyFiles(path);
  run(path, ["install", "--frozen-lockfile", "--prefer-offline"]);
  run(path, ["build"]);
  return {
    path,
    /** @returns what takes it back. */
    apply({ path: file, text, mutated }) {
      writeFileSync(file, mutated);
      return () => writeFileSync(file, text);
    },
    /**
     * Builds the package of a file; those that use it see it without being built. What SQL makes is written down anew:
     * a build refuses databases that are not as it was written. @returns whether it compiles, or migrates.
     */
    build(file) {
      if (file.startsWith("sql/")) {
        const words = ["run", "generate", "--name", "of_a_mutant"];
        return pnpm(words, { cwd: join(path, "packages/db") }).status === 0;
      }
      const [, folder] = /^((?:apps|packages)\/[^/]+)\//.exec(file) ?? [];
      if (folder === undefined) return true;
      return pnpm(["run", "build"], { cwd: join(path, folder) }).status === 0;
    },
  };
}

function copyFiles(path) {
  const list = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const files = list.split("\0").filter((file) => file !== "" && existsSync(join(root, file)));
  mkdirSync(path, { recursive: true });
  const listed = join(path, ".copied.json");
  const before = existsSync(listed) ? JSON.parse(readFileSync(listed, "utf8")) : [];
  const present = new Set(files);
  for (const file of before) if (!present.has(file)) rmSync(join(path, file), { force: true });
  for (const file of files) {
    const [from, to] = [join(root, file), join(path, file)];
    if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) continue;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to, { dereference: false, verbatimSymlinks: true });
  }
  writeFileSync(listed, JSON.stringify(files));
}

function run(cwd, words) {
  const { status, error, stdout, stderr } = pnpm(words, { cwd, encoding: "utf8" });
  if (status === 0) return;
  const said = error?.message ?? `${stdout}${stderr}`;
  console.error(`mutants: pnpm ${words.join(" ")} failed in ${cwd}\n${said}`);
  process.exit(2);
}

/** The one that the project pins, also where none is installed. */
function pnpm(words, options) {
  return spawnSync("npx", ["--yes", pinnedPnpm, ...words], options);
}
