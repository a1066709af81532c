import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Side } from "@centralcloud/postgres";
import { landedNameOf, migrationsOf } from "../migrate/side.ts";

const packageDirectory = fileURLToPath(new URL("../../", import.meta.url));

/** Runs drizzle-kit for one side; its output is returned, and shown when it fails. */
export function drizzleKit(side: Side, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("node_modules/.bin/drizzle-kit", words, {
    cwd: packageDirectory,
    env: { ...process.env, DATABASE_FOLDER: landedNameOf(side) },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`drizzle-kit ${words.join(" ")} failed\n${stdout}${stderr}`);
  return stdout;
}

/** Whether drizzle-kit, run on a copy of the migrations, has nothing to add. */
export function schemaIsGenerated(side: Side): boolean {
  const copy = mkdtempSync(join(packageDirectory, ".verify-"));
  try {
    cpSync(fileURLToPath(migrationsOf(side)), copy, { recursive: true });
    const before = readdirSync(copy).length;
    const out = `./${relative(packageDirectory, copy)}`;
    const schema = `./src/schema/${landedNameOf(side)}.ts`;
    drizzleKit(side, "generate", "--dialect", "postgresql", "--schema", schema, "--out", out);
    return readdirSync(copy).length === before;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
