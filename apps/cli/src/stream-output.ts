import { once } from "node:events";
import { printableLines } from "@centralcloud/service";

/** Not by `pipeline`, which leaves its listener at standard output. Ends where whoever reads has seen enough. */
export async function writeToStandardOutput(lines: AsyncIterable<string>): Promise<void> {
  const { stdout } = process;
  let failure: NodeJS.ErrnoException | undefined;
  const onError = (error: Error) => {
    failure ??= error;
  };
  stdout.on("error", onError);
  try {
    for await (const line of lines) {
      if (failure === undefined && !stdout.write(printableLines(line))) {
        await once(stdout, "drain").catch(onError);
      }
      if (failure !== undefined) break;
    }
  } finally {
    stdout.off("error", onError);
  }
  if (failure !== undefined && failure.code !== "EPIPE") throw failure;
}
