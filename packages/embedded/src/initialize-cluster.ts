import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Binaries } from "./binaries.ts";
import { EmbeddedPostgresError } from "./errors.ts";
import { layoutOf } from "./layout.ts";
import { serverEnvironment } from "./server-environment.ts";
import { asUser, type ServerUser } from "./server-user.ts";

interface Initialization {
  readonly directory: string;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  readonly durable: boolean;
  readonly signal: AbortSignal;
}

/**
 * Makes the cluster if there is none, and checks the one there is.
 * @returns the superuser's password
 */
export async function ensureCluster(initialization: Initialization): Promise<string> {
  const { cluster, password } = layoutOf(initialization.directory);
  if (!(await exists(cluster))) await initialize(initialization);
  else await checkCluster(cluster, initialization.binaries.majorVersion);
  try {
    return (await readFile(password, "utf8")).trim();
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "data_directory_invalid",
      `The superuser's password for ${cluster} can't be read from ${password}: ${(cause as Error).message}. Restore that file, or start afresh.`,
      { cause },
    );
  }
}

/** A crash at any point leaves no `cluster`, so the next start begins again. */
async function initialize({ directory, binaries, user, durable, signal }: Initialization) {
  const paths = layoutOf(directory);
  const pgdata = join(paths.initializing, "cluster");
  const passwordFile = join(paths.initializing, "password");
  const password = randomBytes(24).toString("base64url");
  await rm(paths.initializing, { recursive: true, force: true });
  await rm(paths.password, { force: true });
  await writeFile(paths.password, `${password}\n`, { mode: 0o600 });
  await mkdir(paths.initializing, { mode: 0o700 });
  // initdb runs as the server's user and can't read root's file.
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user) {
    await chown(paths.initializing, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const options = [
    `--pgdata=${pgdata}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // PostgreSQL's own C.UTF-8 sorts alike everywhere; the one of the C library is not everywhere.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    ...(durable ? [] : ["--no-sync"]),
  ];
  try {
    await promisify(execFile)(binaries.initdb, options, {
      cwd: "/",
      env: serverEnvironment(),
      signal,
      ...asUser(user),
    });
    await rename(pgdata, paths.cluster);
  } catch (cause) {
    signal.throwIfAborted();
    const { stderr, message } = cause as { stderr?: string; message: string };
    throw new EmbeddedPostgresError(
      "initdb_failed",
      `PostgreSQL could not make a cluster in ${directory}: ${stderr?.trim() || message}`,
      { cause },
    );
  } finally {
    await rm(paths.initializing, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

async function checkCluster(cluster: string, majorVersion: string): Promise<void> {
  const version = await readFile(join(cluster, "PG_VERSION"), "utf8").then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES") {
        throw new EmbeddedPostgresError(
          "data_directory_not_accessible",
          `${cluster} belongs to another user. Run as that user (or as root, if root made it), or choose another directory.`,
        );
      }
      return undefined;
    },
  );
  if (version === undefined || !(await exists(join(cluster, "global", "pg_control")))) {
    const missing = version === undefined ? "PG_VERSION" : "global/pg_control";
    throw new EmbeddedPostgresError(
      "data_directory_invalid",
      `${cluster} is damaged: ${missing} is missing. Restore it from a backup, or start afresh.`,
    );
  }
  if (version === majorVersion) return;
  throw new EmbeddedPostgresError(
    "wrong_major_version",
    `${cluster} was made by PostgreSQL ${version}, and this is PostgreSQL ${majorVersion}. Move the data with the older version's pg_dump, or start afresh.`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}
