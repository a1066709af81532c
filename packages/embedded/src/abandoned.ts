import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { claimDirectory, isAbandoned } from "./claim.ts";
import { deleteDataDirectory, layoutOf } from "./layout.ts";
import { stopStaleServer } from "./stale-server.ts";

/**
 * Removes temporary data directories, and stops their servers, when both the watchdog and its
 * parent were killed at once: nobody else would ever come by them again.
 */
export async function removeAbandoned(place: string, prefix: string): Promise<void> {
  for (const name of await readdir(place)) {
    if (!name.startsWith(prefix)) continue;
    const directory = join(place, name);
    try {
      const { uid } = await stat(directory);
      if (uid !== (process.getuid?.() ?? uid) || !(await isAbandoned(directory))) continue;
      await claimDirectory(directory, `process ${process.pid}, which removes it`);
      await stopStaleServer(layoutOf(directory).cluster);
      await deleteDataDirectory(directory);
    } catch {
      // Another start removes it at this moment; or it can't be removed, which is no reason for
      // the server that is wanted now not to start.
    }
  }
}
