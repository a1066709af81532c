import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, stat } from "node:fs/promises";
import { layoutOf } from "./layout.ts";

const rotateAboveBytes = 10 * 1024 * 1024;

export interface ServerLog {
  write(line: string): void;
  close(): Promise<void>;
}

/** The server's log lies beside the cluster. One older file is kept; they change at a start only. */
export async function openServerLog(directory: string): Promise<ServerLog> {
  const { log, oldLog } = layoutOf(directory);
  const size = await stat(log).then(
    (status) => status.size,
    () => 0,
  );
  if (size > rotateAboveBytes) await rename(log, oldLog);
  const stream = createWriteStream(log, { flags: "a", mode: 0o600 });
  await once(stream, "open");
  // A full disk must not take the watchdog down with it: the server needs one more than a log.
  stream.on("error", () => {});
  return {
    write: (line) => stream.write(`${line}\n`),
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}
