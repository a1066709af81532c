import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeDataDirectory } from "@centralcloud/embedded";

const prefix = "centralcloud-chaos-";
const hourMs = 3_600_000;

/** A directory for one server, in which its data are; see {@link dataIn}. */
export async function makeGround(): Promise<string> {
  const ground = await mkdtemp(join(tmpdir(), prefix));
  // The server's account, which is not ours when we are root, has to get through.
  await chmod(ground, 0o755);
  return ground;
}

export function dataIn(ground: string): string {
  return join(ground, "data");
}

/** Rejects while a server runs on it. */
export async function removeGround(ground: string): Promise<void> {
  await removeDataDirectory(dataIn(ground));
  await rm(ground, { recursive: true, force: true });
}

/** Deletes what runs left that were killed themselves; their servers were stopped by their watchdogs. */
export async function removeAbandonedGrounds(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const ground = join(tmpdir(), name);
    // A young one may be about to get its server.
    const found = await stat(ground).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < hourMs) continue;
    // Of another run that takes long; or another one removes it at this moment.
    await removeGround(ground).catch(() => {});
  }
}
