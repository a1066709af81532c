import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pinnedPnpm } from "../../scripts/run.mjs";
import { root } from "./root.mjs";

/** What a migration of empty databases writes down; made anew for a mistake in SQL. */
const writtenDown = ["packages/db/catalog", "packages/db/migrations"];

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
    /**
     * Makes a mistake in a file, and keeps what a build of it will change.
     *
     * @returns `build`, which says whether it compiles, or migrates on a server that it is given; and `undo`, which takes
     *   all of it back.
     */
    apply({ path: file, file: name, text, mutated }) {
      const { folders, build } = effectOf(path, name);
      const kept = folders.map((folder) => keep(path, folder));
      writeFileSync(file, mutated);
      return {
        build,
        undo() {
          writeFileSync(file, text);
          for (const restore of kept) restore();
        },
      };
    },
  };
}

/**
 * Which folders a build changes after a mistake in a file. A package is built by itself: those that use it see it
 * without being built. What SQL makes is written down anew: a build refuses databases that are not as it was written.
 */
function effectOf(path, file) {
  if (file.startsWith("sql/")) {
    const side = file.split("/")[1];
    return {
      folders: writtenDown,
      build(serverUrl) {
        const words = ["dist/maintenance/generate.js", "--try", side, "--server", serverUrl];
        return succeeds(process.execPath, words, join(path, "packages/db"));
      },
    };
  }
  const [, folder] = /^((?:apps|packages)\/[^/]+)\//.exec(file) ?? [];
  if (folder === undefined) return { folders: [], build: () => true };
  const cwd = join(path, folder);
  const { build } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")).scripts;
  const [program, ...words] = build.split(" ");
  return {
    folders: [join(folder, "dist")],
    // Without pnpm between, which takes longer to begin than the compiler to end.
    build: () => succeeds(join(path, "node_modules/.bin", program), words, cwd),
  };
}

function succeeds(program, words, cwd) {
  return spawnSync(program, words, { cwd, stdio: "ignore" }).status === 0;
}

/** Keeps a folder as it is. @returns what puts it back. */
function keep(path, folder) {
  const [place, kept] = [join(path, folder), join(path, ".kept", folder)];
  copyFolder(place, kept);
  return () => copyFolder(kept, place);
}

function copyFolder(from, to) {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(dirname(to), { recursive: true });
  // With its times, so that nothing looks newer than it is.
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
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
