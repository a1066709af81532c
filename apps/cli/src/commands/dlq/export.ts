import { once } from "node:events";
import { unlink } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { exportLetters } from "@centralcloud/dead-letters";
import { type Environment, printableLines } from "@centralcloud/service";
import { Command } from "commander";
import { createSecretFile } from "../../files.ts";
import { print } from "../../output.ts";
import { type SourceOptions, timeoutOption } from "../../sources.ts";
import { withReachableScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions, readFilter } from "./selection.ts";

interface ExportOptions extends FilterOptions, SourceOptions {
  readonly out?: string;
  readonly json?: true;
}

export function exportCommand(environment: Environment): Command {
  const command = new Command("export").description(
    "writes letters whole, as JSON lines that `dlq import` takes; changes nothing",
  );
  return addFilterOptions(command)
    .addOption(timeoutOption())
    .option("--out <file>", "a new file that only you may read; default: standard output")
    .option("--json", "with --out: what was done, as one JSON document")
    .action(async (options: ExportOptions) => {
      const { out, json } = options;
      if (out === undefined && process.stdout.isTTY) {
        command.error(
          "error: an export holds whole messages, and a terminal keeps what it shows: give --out, or a pipe",
        );
      }
      await withReachableScope(command, environment, options, async (scope) => {
        const filter = readFilter(options);
        let letters = 0;
        const lines = async function* () {
          for await (const line of exportLetters(scope, filter)) {
            letters += 1;
            yield `${line}\n`;
          }
        };
        if (out === undefined) return await writeToStandardOutput(lines());
        const { handle, path } = await createSecretFile(environment, out);
        try {
          await pipeline(lines(), handle.createWriteStream());
        } catch (error) {
          // Half an export would pass for a whole one.
          await unlink(path);
          throw error;
        }
        const text = `exported ${letters} letters to ${path}`;
        print(json ? JSON.stringify({ letters, file: path }) : text);
      });
    });
}

/** Not by `pipeline`, which leaves its listener at standard output. Ends where whoever reads has seen enough. */
async function writeToStandardOutput(lines: AsyncIterable<string>): Promise<void> {
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
