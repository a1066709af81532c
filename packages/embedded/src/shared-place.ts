import { realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { canEnter, type ServerUser } from "./server-user.ts";

/** Everything this package puts outside the caller's own directories starts with this. */
export const namePrefix = "centralcloud-postgres-";

/** Kept over a restart of the machine, unlike what lies in the temporary directory. */
export const lastingPlaces = ["/var/tmp", tmpdir(), "/tmp"];
export const temporaryPlaces = [tmpdir(), "/var/tmp", "/tmp"];

/**
 * Directories that everybody has, that the server's account can reach, and in which nobody can
 * exchange what we have made: either only we and root may write there, or the sticky bit is set.
 */
export async function* usablePlaces(
  candidates: readonly string[],
  user: ServerUser | undefined,
): AsyncGenerator<string> {
  const seen = new Set<string>();
  for (const candidate of candidates) {
    const place = await realpath(candidate).catch(() => undefined);
    if (place === undefined || seen.has(place)) continue;
    seen.add(place);
    if ((await isSafe(place)) && (await canEnter(place, user))) yield place;
  }
}

/** Whether a directory is really one, and only we can have put anything into it. */
export async function isOurs(directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory() || (await realpath(directory)) !== directory) return false;
  return process.platform === "win32" || (found.uid === process.getuid?.() && isClosed(found.mode));
}

async function isSafe(place: string): Promise<boolean> {
  if (process.platform === "win32") return true;
  const { uid, mode } = await stat(place);
  const isTrusted = uid === 0 || uid === process.getuid?.();
  return isTrusted && (isClosed(mode) || (mode & 0o1000) !== 0);
}

function isClosed(mode: number): boolean {
  return (mode & 0o022) === 0;
}
