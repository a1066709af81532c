import { type ImportReport, importLetters, type RunProgress } from "@centralcloud/dead-letters";
import type { Environment } from "@centralcloud/service";
import { Command } from "commander";
import { withLines } from "../../files.ts";
import { print } from "../../output.ts";
import { interruptible, reportProgress } from "../../progress.ts";
import { readTogether } from "../read-together.ts";
import { type ActionOptions, addActionOptions, readRequest } from "./action.ts";
import { readDatabases, withCentralScope } from "./scope.ts";

export function importCommand(environment: Environment): Command {
  const command = new Command("import")
    .description(
      "puts dead letters of an export back that are not in their queue any more; nothing is put back twice",
    )
    .argument("<file>", "what `dlq export` wrote; - is standard input");
  return addActionOptions(command).action(async (file: string, options: ActionOptions) => {
    const { request } = await readTogether({
      request: () => readRequest(options),
      databases: () => readDatabases(environment),
    });
    const report = await withLines(environment, "import", file, (lines) =>
      withCentralScope(command, environment, {}, ({ sources }, central) =>
        interruptible((signal) => {
          const onProgress = ({ moved, expected }: RunProgress) => {
            const hint = "Ctrl-C stops it; the same command continues";
            reportProgress({ done: moved, total: expected, unit: "dead letters", hint });
          };
          const run = { central, request, origin: file, signal, onProgress };
          return importLetters(sources, lines.open, run);
        }),
      ),
    );
    print(options.json ? JSON.stringify(report) : describe(report));
    if (report.interrupted)
      throw new Error("interrupted; the same command continues, and puts nothing back twice");
  });
}

function describe(report: ImportReport): string {
  const { actionId, imported, renumbered, present, replayedBefore } = report;
  return [
    `put back ${imported} dead letters${actionId === null ? "" : ` (action ${actionId})`}; ${present} were there`,
    ...(renumbered > 0
      ? [`${renumbered} of them have another id, because theirs was not free`]
      : []),
    ...(replayedBefore > 0
      ? [
          `${replayedBefore} of them had been replayed: replaying them again sends their messages twice`,
        ]
      : []),
  ].join("\n");
}
