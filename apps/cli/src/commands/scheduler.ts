import { createLogger, databaseVariables, logLevel, runUntilSignal } from "@centralcloud/consumer";
import { createScheduler } from "@centralcloud/scheduler";
import { type Environment, logSink, parseConfiguration, wholeNumber } from "@centralcloud/service";
import { Command } from "commander";

export function schedulerCommand(environment: Environment): Command {
  return new Command("scheduler")
    .description("runs the jobs of sources that have no pg_cron, until SIGTERM or SIGINT")
    .action(async () => {
      const values = parseConfiguration(
        {
          SOURCE_DATABASE_URLS: databaseVariables.SOURCE_DATABASE_URLS,
          CONSUMER_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 25),
          LOG_LEVEL: logLevel,
        },
        environment,
      );
      const observe = logSink(createLogger(values.LOG_LEVEL, 1));
      const scheduler = createScheduler({ sourceUrls: values.SOURCE_DATABASE_URLS }, observe);
      await runUntilSignal(scheduler, values.CONSUMER_SHUTDOWN_GRACE_S, observe);
    });
}
