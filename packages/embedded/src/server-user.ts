import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import { EmbeddedPostgresError } from "./errors.ts";

const run = promisify(execFile);

/** The account the server runs as. `undefined` everywhere in this package means: as ourselves. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root, so root lends it another account: the owner of the cluster
 * when there is one already, else `postgres`, else `nobody`. None is ever created.
 */
export async function chooseServerUser(cluster: string | undefined) {
  if (process.getuid?.() !== 0) return undefined;
  const owner = cluster && (await stat(cluster).catch(() => undefined));
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of ["postgres", "nobody"]) {
    const user = await findUser(name);
    if (user) return user;
  }
  throw new EmbeddedPostgresError(
    "server_user_missing",
    "PostgreSQL does not run as root, and there is neither a user `postgres` nor a user `nobody` to run it as. Run this as an ordinary user.",
  );
}

/** Node wants signed ids here: `nobody` is -2 on macOS, which `id` prints as 4294967294. */
export function asUser(user: ServerUser | undefined): { uid?: number; gid?: number } {
  return user ? { uid: user.uid | 0, gid: user.gid | 0 } : {};
}

/**
 * Whether the server's account can reach a directory. Asked by trying: modes of all the parents,
 * access lists and mount options together are more than we could predict.
 */
export async function canEnter(directory: string, user: ServerUser | undefined): Promise<boolean> {
  if (!user) return true;
  const attempt = run("/bin/sh", ["-c", 'cd -- "$1"', "sh", directory], {
    cwd: "/",
    ...asUser(user),
  });
  return attempt.then(
    () => true,
    () => false,
  );
}

async function findUser(name: string): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all(
      ["-u", "-g"].map(async (flag) => Number((await run("id", [flag, name])).stdout)),
    );
    return uid && gid !== undefined && Number.isInteger(uid + gid) ? { uid, gid } : undefined;
  } catch {
    return undefined;
  }
}
