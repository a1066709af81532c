import { type ImportReport, importDeadLetters, type RunProgress } from "@centralcloud/dead-letters";
import { type Environment, shellWord } from "@centralcloud/service";
import { Command } from "commander";
import { withLines } from "../../files.ts";
import { print } from "../../output.ts";
import { interruptible, reportProgress } from "../../progress.ts";
import { readTogether } from "../read-together.ts";
import { type ActionOptions, addActionOptions, readRequest } from "./action.ts";
import { readDatabases, withCentralScope } from "./scope.ts";
import { positiveNumber } from "./selection.ts";

interface ImportOptions extends ActionOptions {
  readonly rate?: number;
}

export function importCommand(environment: Environment): Command {
  const command = new Command("import")
    .description(
      "puts dead letters of an export back that are not in their queue any more; nothing is put back twice",
    )
    .argument("<file>", "what `dlq export` wrote; - is standard input")
    .option("--rate <number>", "how many a second at most; default: no limit", positiveNumber);
  return addActionOptions(command).action(async (file: string, options: ImportOptions) => {
    const { request } = await readTogether({
      request: () => readRequest(options),
      databases: () => readDatabases(environment),
    });
    const report = await withLines(environment, "import", file, (lines) =>
      withCentralScope(command, environment, {}, ({ sources }, central) =>
        interruptible((signal) => {
          const onProgress = ({ actionId, moved, expected }: RunProgress) => {
            const hint = `Ctrl-C pauses action ${actionId}; the same command continues`;
            reportProgress({ done: moved, total: expected, unit: "dead letters", hint });
          };
          const { rate } = options;
          const rateLimit = { signal, onProgress, ...(rate === undefined ? {} : { rate }) };
          const run = { central, request, origin: file, ...rateLimit };
          return importDeadLetters(sources, lines.open, run);
        }),
      ),
    );
    print(options.json ? JSON.stringify(report) : describe(report));
    const { actionId, state, interrupted } = report;
    const resume = `\`centralcloud actions resume ${actionId} --from ${shellWord(file)}\``;
    if (interrupted) {
      throw new Error(
        `interrupted; the same command continues, and puts nothing back twice; so does ${resume}, under the same action`,
      );
    }
    if (state === "cancelled") throw new Error(`action ${actionId} was cancelled`);
    if (state !== "done") throw new Error(`action ${actionId} is ${state}; ${resume} continues it`);
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
