import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/*
 * What `npm start`, `npm test` and `npm run check` share. Plain Node, no dependency: it runs before
 * anything is installed.
 */

export const root = fileURLToPath(new URL("..", import.meta.url));

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** The package manager of this project with its version, as npx takes it. */
export const pinnedPnpm = manifest.packageManager;

/** Stops with a sentence when this Node can't run the project. */
function assertNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`This project needs Node 20.19 or later; this is ${process.version}.`);
  process.exit(2);
}

/** Runs a program from the root, its output shown; returns its exit code. */
function run(command, words) {
  const { status, error } = spawnSync(command, words, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1" },
    shell: process.platform === "win32",
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

/** Runs the pnpm that package.json pins, which npx fetches once into npm's cache. */
function pnpm(...words) {
  return run("npx", ["--yes", pinnedPnpm, ...words]);
}

/** Runs a program that a dependency installed; pnpm is on its path, which turbo needs. */
export function local(program, ...words) {
  return pnpm("exec", program, ...words);
}

/** Installs what the lockfile says and builds every package; exits with a sentence when it can't. */
export function prepare() {
  assertNode();
  if (pnpm("install", "--frozen-lockfile", "--reporter=append-only", "--loglevel=warn") !== 0) {
    console.error("Installing the dependencies failed; the lines above say why.");
    process.exit(1);
  }
  if (local("turbo", "run", "build", "--output-logs=errors-only", "--no-update-notifier") !== 0) {
    console.error("Building failed; the lines above say why.");
    process.exit(1);
  }
}
