import { chmod, mkdir, mkdtemp, readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { removeAbandoned } from "./abandoned.ts";
import { EmbeddedPostgresError } from "./errors.ts";
import { isOwnName } from "./layout.ts";
import { isTrustedTarget, relocate, unlinkOwn } from "./relocation.ts";
import { canEnter, type ServerUser } from "./server-user.ts";
import { namePrefix, temporaryPlaces, usablePlaces } from "./shared-place.ts";

/** Names of temporary data directories start with this. */
const temporaryPrefix = `${namePrefix}tmp-`;

/**
 * Makes sure that there is a data directory at `wanted`, and returns where it really is: behind a
 * symbolic link when the server's account can't get there. Safe when several come at once: a lost
 * race only leads round again.
 */
export async function openDataDirectory(
  wanted: string,
  user: ServerUser | undefined,
): Promise<string> {
  const path = resolve(wanted);
  for (let attempt = 0; attempt < 5; attempt++) {
    const target = await realpath(path).catch(() => undefined);
    // A cleaner has deleted what our link points to, or somebody else has put something there.
    if (target === undefined || !(await isTrustedTarget(target))) await unlinkOwn(path);
    await mkdir(path, { recursive: true });
    const directory = await realpath(path);
    await refuseForeign(directory);
    if (await canEnter(directory, user)) return directory;
    await relocate(path, user);
  }
  throw new EmbeddedPostgresError(
    "data_directory_not_accessible",
    `PostgreSQL's user can reach neither the data directory ${path} nor /var/tmp in its stead. Choose a directory that every user may enter.`,
  );
}

/** The watchdog deletes it at the end. */
export async function makeTemporaryDirectory(user: ServerUser | undefined): Promise<string> {
  for await (const place of usablePlaces(temporaryPlaces, user)) {
    const directory = await mkdtemp(join(place, temporaryPrefix));
    // The server's account must get through to the cluster, and needs to list nothing on the way.
    if (user) await chmod(directory, 0o711);
    await removeAbandoned(place, temporaryPrefix);
    return directory;
  }
  throw new EmbeddedPostgresError(
    "data_directory_not_accessible",
    "There is no temporary directory that PostgreSQL's user can reach. Set TMPDIR to one.",
  );
}

async function refuseForeign(directory: string): Promise<void> {
  const names = await readdir(directory);
  if (names.includes("PG_VERSION")) {
    throw new EmbeddedPostgresError(
      "data_directory_invalid",
      `${directory} is a PostgreSQL cluster made by something else. The embedded one keeps its own cluster in a subdirectory; choose another directory.`,
    );
  }
  const foreign = names.filter((name) => !isOwnName(name) && !/^(\..*|lost\+found)$/.test(name));
  if (foreign.length > 0 && !names.includes("cluster")) {
    throw new EmbeddedPostgresError(
      "data_directory_invalid",
      `${directory} holds something else (${foreign.slice(0, 3).join(", ")}). Choose an empty or a new directory.`,
    );
  }
}
