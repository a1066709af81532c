import { createLogger, databaseVariables, logFormat, logLevel } from "@centralcloud/consumer";
import { createActionWorker, workerEvents } from "@centralcloud/dead-letters";
import { createPool, cutAllConnections, endPool } from "@centralcloud/postgres";
import {
  definePart,
  type Environment,
  groupParts,
  logSink,
  parseConfiguration,
  runUntilSignal,
  wholeNumber,
} from "@centralcloud/service";
import { Command } from "commander";
import { askSources, identify } from "../../sources.ts";
import { withSources } from "../dlq/scope.ts";

const variables = {
  ...databaseVariables,
  CONSUMER_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 25),
  LOG_LEVEL: logLevel,
  LOG_FORMAT: logFormat,
};

/** A source that does not answer within so many seconds keeps its actions waiting, not this process. */
const timeout = 5;

export function workCommand(environment: Environment): Command {
  const command = new Command("work").description(
    "continues actions whose process was killed, by itself, until SIGTERM or SIGINT; may run several times",
  );
  return command.action(async () => {
    const values = parseConfiguration(variables, environment);
    const logger = createLogger(values.LOG_LEVEL, 1, { format: values.LOG_FORMAT, environment });
    const observe = logSink(logger, workerEvents);
    const urls = values.SOURCE_DATABASE_URLS;
    const central = createPool(values.CENTRAL_DATABASE_URL, {
      applicationName: "centralcloud-actions",
      // One for each action at a time, and one that looks for others.
      max: 5,
    });
    const worker = createActionWorker({
      central,
      observe,
      async withSources(ids, work) {
        const asked = await askSources(urls, { timeout }, identify);
        const found = asked.answers.filter(({ sourceId }) => ids.includes(sourceId));
        let failure: unknown;
        // What keeps one action from continuing is logged with it, and is no wrong usage of this command.
        await withSources(command, found, (sources) =>
          work(sources).catch((error: unknown) => {
            failure = error;
          }),
        );
        if (failure !== undefined) throw failure;
      },
    });
    const connection = definePart({
      name: "central database",
      start: async () => {},
      stop: (graceMs) => endPool(central, graceMs),
    });
    await runUntilSignal(groupParts("action service", [connection, worker]), {
      graceS: values.CONSUMER_SHUTDOWN_GRACE_S,
      observe,
      cutConnections: cutAllConnections,
    });
  });
}
