import { type ImportReport, importLetters } from "@centralcloud/dead-letters";
import { type Environment, withInterrupt } from "@centralcloud/service";
import { Command } from "commander";
import { readLines } from "../../files.ts";
import { print } from "../../output.ts";
import { readTogether } from "../read-together.ts";
import { type ActionOptions, addActionOptions, readRequest } from "./action.ts";
import { readDatabases, withCentralScope } from "./scope.ts";

export function importCommand(environment: Environment): Command {
  const command = new Command("import")
    .description(
      "puts letters of an export back that are not in their dead-letter queue any more; twice is once",
    )
    .argument("<file>", "what `dlq export` wrote");
  return addActionOptions(command).action(async (file: string, options: ActionOptions) => {
    const { request } = await readTogether({
      request: () => readRequest(options),
      databases: () => readDatabases(environment),
    });
    const report = await withCentralScope(command, environment, {}, ({ sources }, central) =>
      withInterrupt((signal) => {
        const openLines = () => readLines(environment, "import", file);
        return importLetters(sources, openLines, { central, request, origin: file, signal });
      }),
    );
    print(options.json ? JSON.stringify(report) : describe(report));
    if (report.interrupted) throw new Error("interrupted; the same command goes on");
  });
}

function describe(report: ImportReport): string {
  const { actionId, imported, renumbered, present, replayedBefore } = report;
  return [
    `put back ${imported} letters${actionId === null ? "" : ` (action ${actionId})`}; ${present} were there`,
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
