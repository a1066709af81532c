import {
  createConsumerService,
  createLogger,
  keepHeapSmall,
  readConsumerConfiguration,
  runUntilSignal,
} from "@centralcloud/consumer";
import { type Environment, logSink } from "@centralcloud/service";
import { Command } from "commander";

export function consumeCommand(environment: Environment): Command {
  return new Command("consume")
    .description("runs the consumer until SIGTERM or SIGINT")
    .action(async () => {
      keepHeapSmall();
      const configuration = readConsumerConfiguration(environment);
      const logger = createLogger(configuration.logLevel, 1);
      const service = createConsumerService(configuration, logger);
      await runUntilSignal(service, configuration.shutdownGraceS, logSink(logger));
    });
}
