import { closeSync, openSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { createLogger } from "@centralcloud/consumer";
import { definePart, logSink, type Observe, type Part } from "@centralcloud/service";
import type { DataFolder } from "./data-folder.ts";
import type { Observation } from "./observation.ts";
import { events } from "./observation.ts";

export type Logger = ReturnType<typeof createLogger>;

export interface LogFile extends Part {
  readonly logger: Logger;
  readonly observe: Observe<Observation>;
}

/**
 * What `centralcloud consume` would print, one JSON line each, in a file, so that the terminal stays
 * readable. One file a run, and the one of the run before; silent before the start and after the stop.
 */
export function createLogFile(folder: DataFolder, level: string): LogFile {
  let logger: Logger | undefined;
  let descriptor: number | undefined;
  const part = definePart({
    name: "log file",
    async start() {
      await mkdir(folder.path, { recursive: true });
      await rename(folder.log, folder.previousLog).catch(unlessMissing);
      descriptor = openSync(folder.log, "a", 0o600);
      // Its type names only the two descriptors that a service logs to; any will do.
      logger = createLogger(level, descriptor as 1 | 2);
    },
    async stop() {
      // Work that outlived its grace period may still log, and the descriptor may be another file by then.
      if (logger !== undefined) logger.level = "silent";
      if (descriptor !== undefined) closeSync(descriptor);
    },
  });
  return {
    ...part,
    get logger() {
      if (logger === undefined) throw new Error("the log file is not open yet");
      return logger;
    },
    observe(observation) {
      if (logger !== undefined) logSink(logger, events)(observation);
    },
  };
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
