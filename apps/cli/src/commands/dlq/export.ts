import { once } from "node:events";
import { unlink } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { countLetters, exportLetters, type LetterScope } from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { createSecretFile } from "../../files.ts";
import { canShowStatus, print, writeResult } from "../../output.ts";
import { interruptible, reportProgress } from "../../progress.ts";
import { type SourceOptions, timeoutOption } from "../../sources.ts";
import { withReachableScope } from "./scope.ts";
import { addFilterOptions, type FilterOptions, readFilter } from "./selection.ts";

interface ExportOptions extends FilterOptions, SourceOptions {
  readonly out?: string;
  readonly json?: true;
}

export function exportCommand(environment: Environment): Command {
  const command = new Command("export").description(
    "writes dead letters as JSON lines, which `dlq import` takes; changes nothing",
  );
  return addFilterOptions(command)
    .addOption(timeoutOption())
    .option("--out <file>", "a new file that only you may read; default: standard output")
    .option("--json", "with --out: what was done, as one JSON document")
    .action(async (options: ExportOptions) => {
      const { out, json } = options;
      const work = async (scope: LetterScope, signal: AbortSignal) => {
        const filter = readFilter(options);
        let letters = 0;
        // What scrolls by on a terminal shows by itself how far it is.
        const isShown = canShowStatus() && !(out === undefined && process.stdout.isTTY);
        const total = isShown ? await countLetters(scope, filter) : undefined;
        const lines = async function* () {
          for await (const line of exportLetters(scope, filter)) {
            if (signal.aborted) throw new Error(interrupted);
            letters += 1;
            if (isShown) reportProgress({ done: letters, total, unit: "dead letters" });
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
      };
      await withReachableScope(command, environment, options, (scope) =>
        interruptible((signal) => work(scope, signal)),
      );
    });
}

const interrupted =
  "interrupted; nothing was changed, and no half file is left: give the command again";

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
      if (failure === undefined && !writeResult(line)) {
        await once(stdout, "drain").catch(onError);
      }
      if (failure !== undefined) break;
    }
  } finally {
    stdout.off("error", onError);
  }
  if (failure !== undefined && failure.code !== "EPIPE") throw failure;
}
