import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ServerUser } from "./server-user.ts";
import { isOurs, namePrefix, temporaryPlaces, usablePlaces } from "./shared-place.ts";

/**
 * Copies PostgreSQL's files to a place that everybody can read and only we can write, once per
 * version; yields the copy of each place that will do, until the caller is content with one (a
 * temporary directory may be mounted noexec).
 */
export async function* stageDirectory(
  source: string,
  label: string,
  user: ServerUser | undefined,
): AsyncGenerator<string> {
  const wanted = await listFiles(source);
  for await (const place of usablePlaces(temporaryPlaces, user)) {
    const name = `${namePrefix}bin-${label}-uid${process.getuid?.() ?? "0"}`;
    const copy = join(place, name);
    if (!(await isComplete(copy, wanted))) await stage(source, copy, wanted);
    if (await isComplete(copy, wanted)) yield copy;
  }
}

interface StagedFile {
  readonly path: string;
  readonly kind: "directory" | "file" | "link";
  readonly size: number;
}

/** Sizes are compared because cleaners of temporary directories delete file by file. */
async function isComplete(copy: string, wanted: readonly StagedFile[]): Promise<boolean> {
  if (!(await isOurs(copy))) return false;
  const found = await Promise.all(
    wanted.map(async ({ path, kind, size }) => {
      const status = await lstat(join(copy, path)).catch(() => undefined);
      return status !== undefined && (kind !== "file" || status.size === size);
    }),
  );
  return found.every(Boolean);
}

/**
 * Built under a name of its own and renamed, so that nobody ever sees half a copy. When two build
 * at once the second rename fails on the directory of the first, which is as good.
 */
async function stage(source: string, copy: string, files: readonly StagedFile[]): Promise<void> {
  const building = await mkdtemp(join(dirname(copy), `${basename(copy)}-building-`));
  try {
    for (const { path, kind } of files) {
      const from = join(source, path);
      const to = join(building, path);
      if (kind === "link") await symlink(await readlink(from), to);
      else if (kind === "file") await copyFile(from, to);
      else await mkdir(to);
      // Whatever the umask is, and whatever npm made of the executable bit.
      const isProgram = kind === "directory" || basename(dirname(path)) === "bin";
      if (kind !== "link") await chmod(to, isProgram ? 0o755 : 0o644);
    }
    await chmod(building, 0o755);
    // An old copy with holes is moved away rather than repaired: servers may be running from it.
    const old = `${building}-old`;
    if (await isOurs(copy)) await rename(copy, old).catch(() => {});
    await rename(building, copy).catch(() => {});
    await rm(old, { recursive: true, force: true });
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

async function listFiles(source: string): Promise<StagedFile[]> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries.map(async (entry) => {
      const absolute = join(entry.parentPath, entry.name);
      const path = absolute.slice(source.length + 1);
      const { size } = await lstat(absolute);
      const kind = entry.isDirectory() ? "directory" : entry.isSymbolicLink() ? "link" : "file";
      return { path, kind, size } as const;
    }),
  );
  // Parents sort before what is in them.
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
