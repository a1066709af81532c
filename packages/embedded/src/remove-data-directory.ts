import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { claimDirectory } from "./claim.ts";
import { deleteDataDirectory, layoutOf } from "./layout.ts";
import { unlinkOwn } from "./relocation.ts";
import { stopStaleServer } from "./stale-server.ts";

/**
 * Deletes all data of a data directory, also those that had to be kept elsewhere, and nothing that
 * this package has not put there. Nothing happens when there is none.
 *
 * @throws DataDirectoryInUseError while a server runs on it
 */
export async function removeDataDirectory(dataDirectory: string): Promise<void> {
  const path = resolve(dataDirectory);
  const directory = await realpath(path).catch(() => undefined);
  if (directory !== undefined) {
    const claim = await claimDirectory(directory, `process ${process.pid}, which removes it`);
    try {
      await stopStaleServer(layoutOf(directory).cluster);
      await unlinkOwn(path);
      await deleteDataDirectory(directory);
    } finally {
      await claim.release();
    }
  } else {
    await unlinkOwn(path);
  }
}
