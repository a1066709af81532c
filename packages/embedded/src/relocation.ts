import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, readlink, rmdir, symlink, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { claimDirectory } from "./claim.ts";
import { EmbeddedPostgresError } from "./errors.ts";
import { clearDataDirectory, layoutOf } from "./layout.ts";
import type { ServerUser } from "./server-user.ts";
import { isOurs, lastingPlaces, namePrefix, usablePlaces } from "./shared-place.ts";
import { stopStaleServer } from "./stale-server.ts";

const relocatedPrefix = `${namePrefix}data-`;

/**
 * For a data directory that the server's account can't reach (root's checkout below /root or a
 * directory made by `mktemp -d`): the data live in a place named by a hash of the wanted path, and
 * a symbolic link to it stands at the wanted one, so that it is found again and removed with it.
 *
 * Limit: /var/tmp is cleaned of what nobody used for a month where systemd does such things.
 */
export async function relocate(path: string, user: ServerUser | undefined): Promise<void> {
  if (await lstat(layoutOf(path).cluster).catch(() => undefined)) {
    throw new EmbeddedPostgresError(
      "data_directory_not_accessible",
      `The data in ${path} belong to a user who can't reach them: a directory above is closed to him. Open it (chmod o+x), move the data elsewhere, or start afresh.`,
    );
  }
  const hash = createHash("sha256").update(path).digest("hex").slice(0, 16);
  for await (const place of usablePlaces(lastingPlaces, user)) {
    const target = join(place, `${relocatedPrefix}${hash}`);
    await mkdir(target, { mode: 0o755 }).catch(() => {});
    // Somebody else's under this name: what he has put there is not trusted.
    if (!(await isOurs(target))) continue;
    await chmod(target, 0o755);
    await linkTo(path, target);
    return;
  }
}

/** Removes the link at `path` if {@link relocate} made it. A link of the user's own stays. */
export async function unlinkOwn(path: string): Promise<void> {
  if (await isOwnLink(path)) await unlink(path).catch(() => {});
}

/** Only a relocated directory can be exchanged by others, once a cleaner has deleted it. */
export async function isTrustedTarget(directory: string): Promise<boolean> {
  return !basename(directory).startsWith(relocatedPrefix) || isOurs(directory);
}

/**
 * The link is made, and what an earlier link's directory may still hold is wiped, only under a
 * claim: whoever finds no link here knows that the data at the target were given up by deleting it.
 */
async function linkTo(path: string, target: string): Promise<void> {
  const claim = await claimDirectory(target, `a start for ${path} (process ${process.ppid})`);
  try {
    if (await isOwnLink(path)) return;
    await stopStaleServer(layoutOf(target).cluster);
    await clearDataDirectory(target);
    await rmdir(path).catch(except("ENOENT"));
    // Another start may just have made a directory there again; it comes along this way as well.
    await symlink(target, path).catch(except("EEXIST"));
  } finally {
    await claim.release();
  }
}

async function isOwnLink(path: string): Promise<boolean> {
  const status = await lstat(path).catch(() => undefined);
  if (!status?.isSymbolicLink()) return false;
  return basename(await readlink(path)).startsWith(relocatedPrefix);
}

function except(code: string) {
  return (error: NodeJS.ErrnoException) => {
    if (error.code !== code) throw error;
  };
}
