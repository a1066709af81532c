import { rename, rm, writeFile } from "node:fs/promises";
import { definePart, type Part } from "@centralcloud/service";
import type { DatabaseUrls } from "./configuration.ts";
import { formatSchedules } from "./schedules.ts";

/**
 * Tells `centralcloud` and `npm run sql` where the databases are while they run. The addresses hold
 * a password: the file is the owner's alone, and is not written for databases that are not ours.
 */
export function createEnvironmentFile(
  path: string,
  sessionKeys: string,
  readUrls: () => DatabaseUrls,
): Part {
  let isWritten = false;
  return definePart({
    name: "environment file",
    async start() {
      const { sourceUrls, centralUrl } = readUrls();
      const text = [
        `SOURCE_DATABASE_URLS="${sourceUrls.join(" ")}"`,
        `CENTRAL_DATABASE_URL="${centralUrl}"`,
        `SESSION_PRIVATE_KEYS_FILE="${sessionKeys}"`,
        `NPM_START_SCHEDULES="${formatSchedules()}"\n`,
      ].join("\n");
      // A new file, because the mode of an existing one would stay as it is.
      const unfinished = `${path}.${process.pid}`;
      await writeFile(unfinished, text, { mode: 0o600 });
      await rename(unfinished, path);
      isWritten = true;
    },
    async stop() {
      if (isWritten) await rm(path, { force: true });
    },
  });
}
