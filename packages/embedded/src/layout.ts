import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

/** What lies in a data directory, beside the claims. Nothing else in it is ever touched. */
export function layoutOf(directory: string) {
  return {
    /** PGDATA. Complete when it exists: it is made under `initializing` and renamed. */
    cluster: join(directory, "cluster"),
    initializing: join(directory, "initializing"),
    configuration: join(directory, "postgresql.conf"),
    /** Of the superuser. Readable by the owner of the directory alone. */
    password: join(directory, "password"),
    /** The one used last, so that a URL that was copied yesterday works today. */
    port: join(directory, "port"),
    log: join(directory, "server.log"),
    oldLog: join(directory, "server.log.old"),
  };
}

const ownNames = /^(cluster|initializing|postgresql\.conf|password|port|server\.log(\.old)?)$/;
const claimNames = /^claim-.*\.json(\.new)?$/;

export function isOwnName(name: string): boolean {
  return ownNames.test(name) || claimNames.test(name);
}

/** Deletes what this package has put there. Claims stay: while they do, nobody else can take it. */
export async function clearDataDirectory(directory: string): Promise<void> {
  await removeNames(directory, ownNames);
}

/** @see clearDataDirectory; then the claims and, when it is empty, the directory itself. */
export async function deleteDataDirectory(directory: string): Promise<void> {
  await removeNames(directory, ownNames);
  await removeNames(directory, claimNames);
  // Stays when somebody has put something there, or begins to use it again in this moment.
  await rmdir(directory).catch(() => {});
}

async function removeNames(directory: string, names: RegExp): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!names.test(name)) continue;
    // Retried because an initdb or a backend in its last moments may still be adding files.
    const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 };
    await rm(join(directory, name), options);
  }
}
