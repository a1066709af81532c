import { unlink } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { exportLetters } from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { createSecretFile } from "../../files.ts";
import { withScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions, readFilter } from "./selection.ts";

interface ExportOptions extends FilterOptions {
  readonly out?: string;
  readonly json?: true;
}

export function exportCommand(environment: Environment): Command {
  const command = new Command("export").description(
    "writes letters as JSON lines, which `dlq import` takes; changes nothing",
  );
  return addFilterOptions(command)
    .option("--out <file>", "a new file that only you may read; default: standard output")
    .option("--json", "with --out: what was done, as one JSON document")
    .action(async (options: ExportOptions) => {
      const { out, json } = options;
      await withScope(command, environment, options, async (scope) => {
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
        console.log(json ? JSON.stringify({ letters, file: path }) : text);
      });
    });
}

async function writeToStandardOutput(lines: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(lines, process.stdout, { end: false });
  } catch (error) {
    // Whoever reads has seen enough.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}
