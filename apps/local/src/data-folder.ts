import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `npm start` keeps everything it makes; git ignores it. */
export interface DataFolder {
  readonly path: string;
  /**
   * What the embedded PostgreSQL has for itself. A folder below, because it may have to be a symbolic
   * link: see `relocate` in packages/embedded.
   */
  readonly postgres: string;
  /** The addresses of the databases while they run, for `centralcloud` and `npm run sql`. */
  readonly environmentFile: string;
  /** The private key that opens the sessions of the embedded databases. */
  readonly sessionKeys: string;
  readonly log: string;
  /** The log of the run before. */
  readonly previousLog: string;
}

export function dataFolderAt(path: string): DataFolder {
  return {
    path,
    postgres: join(path, "postgres"),
    environmentFile: join(path, "centralcloud.env"),
    sessionKeys: join(path, "session-keys.json"),
    log: join(path, "consumer.log"),
    previousLog: join(path, "consumer.log.old"),
  };
}

/** The one of this repository, three levels above this file, whatever the working directory is. */
export const dataFolder = dataFolderAt(fileURLToPath(new URL("../../../.data", import.meta.url)));
