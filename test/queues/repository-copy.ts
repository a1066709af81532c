import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Finished {
  readonly exitCode: number;
  /** Both streams. */
  readonly output: string;
}

/** A copy of this repository as it is and was built, in which anything may be changed. */
export interface RepositoryCopy {
  readonly path: string;
  /** Runs a program of Node in a folder of the copy, with nothing in its environment but what is given. */
  run(folder: string, words: readonly string[], environment?: object): Promise<Finished>;
  /** Compiles a member of the workspace as its `build` does, or as its `types` does. */
  compile(member: string, script: "build" | "types"): Promise<Finished>;
  remove(): Promise<void>;
}

/**
 * Members of the workspace find each other by relative links, which are copied as they are; what they depend on beside is
 * that of this checkout.
 */
export async function copyRepository(): Promise<RepositoryCopy> {
  const path = await mkdtemp(join(tmpdir(), "centralcloud-copy-"));
  for (const entry of await readdir(root, { withFileTypes: true })) {
    const { name } = entry;
    if (name.startsWith(".") || name === "node_modules") continue;
    await cp(join(root, name), join(path, name), {
      recursive: true,
      verbatimSymlinks: true,
      // Others write to it at any moment.
      filter: (from) => basename(from) !== ".turbo",
    });
  }
  await mkdir(join(path, "node_modules"));
  for (const name of [".bin", ".pnpm", "typescript"]) {
    await symlink(join(root, "node_modules", name), join(path, "node_modules", name));
  }

  function run(folder: string, words: readonly string[], environment: object = {}) {
    const env = { PATH: process.env.PATH, TMPDIR: tmpdir(), ...environment };
    return new Promise<Finished>((resolve) => {
      const options = { cwd: join(path, folder), env, maxBuffer: 64 * 1024 * 1024 };
      execFile(process.execPath, words, options, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ exitCode, output: `${stdout}${stderr}` });
      });
    });
  }

  return {
    path,
    run,
    async compile(member, script) {
      const manifest = JSON.parse(await readFile(join(path, member, "package.json"), "utf8"));
      const [, ...words] = manifest.scripts[script].split(" ");
      return await run(member, [join(root, "node_modules/typescript/bin/tsc"), ...words]);
    },
    remove: () => rm(path, { recursive: true }),
  };
}
