import {
  type ConsoleObservation,
  consoleEvents,
  createConsole,
  readConsoleConfiguration,
} from "@centralcloud/console";
import { createLogger, logFormat, logLevel } from "@centralcloud/consumer";
import { cutAllConnections } from "@centralcloud/postgres";
import {
  type Environment,
  logSink,
  type Observe,
  observationWithoutContents,
  parseConfiguration,
  runUntilSignal,
} from "@centralcloud/service";
import { Command } from "commander";
import { printError } from "../output.ts";
import { readTogether } from "./read-together.ts";

/**
 * @param given the environment without what `npm start` has written down for other commands: among that is where its
 *   private keys are, which the console leaves alone.
 */
export function consoleCommand(environment: Environment, given: Environment): Command {
  const own = { ...environment };
  for (const name of ["SESSION_PRIVATE_KEYS", "SESSION_PRIVATE_KEYS_FILE"]) own[name] = given[name];
  return new Command("console")
    .description("runs the web console until SIGTERM or SIGINT, and prints the link to open")
    .action(async () => {
      const { configuration, values } = await readTogether({
        configuration: () => readConsoleConfiguration(own),
        values: () =>
          parseConfiguration({ LOG_LEVEL: logLevel, LOG_FORMAT: logFormat }, environment),
      });
      const logger = createLogger(values.LOG_LEVEL, 1, { format: values.LOG_FORMAT, environment });
      const log = logSink(logger, consoleEvents);
      // No log gets what must not leave the process.
      const observe: Observe<ConsoleObservation> = (observation) =>
        log(observationWithoutContents(observation));
      // To standard error, which is not the log: whoever has the link is in.
      const showLink = (link: string) => printError(`Open the console: ${link}`);
      await runUntilSignal(createConsole(configuration, { observe, showLink }), {
        graceS: configuration.shutdownGraceS,
        observe,
        cutConnections: cutAllConnections,
      });
    });
}
