import {
  consumerEvents,
  createConsumerService,
  createLogger,
  keepHeapSmall,
  readConsumerConfiguration,
} from "@centralcloud/consumer";
import { cutAllConnections } from "@centralcloud/postgres";
import { type Environment, logSink, runUntilSignal } from "@centralcloud/service";
import { Command } from "commander";

export function consumeCommand(environment: Environment): Command {
  return new Command("consume")
    .description("runs the consumer until SIGTERM or SIGINT")
    .action(async () => {
      keepHeapSmall();
      const configuration = readConsumerConfiguration(environment);
      const logger = createLogger(configuration.logLevel, 1, {
        format: configuration.logFormat,
        environment,
      });
      const service = createConsumerService(configuration, logger);
      await runUntilSignal(service, {
        graceS: configuration.shutdownGraceS,
        observe: logSink(logger, consumerEvents),
        cutConnections: cutAllConnections,
      });
    });
}
