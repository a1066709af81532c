import { ConfigurationError, describeCrash, endOnCrash, logSink } from "@centralcloud/service";
import { readConsumerConfiguration } from "./configuration.ts";
import { keepHeapSmall } from "./keep-heap-small.ts";
import { createConsumerService, createLogger, runUntilSignal } from "./run.ts";

/* The service by itself, as an image runs it; `centralcloud consume` is the same. */
endOnCrash();
try {
  keepHeapSmall();
  const configuration = readConsumerConfiguration(process.env);
  const logger = createLogger(configuration.logLevel, 1);
  const service = createConsumerService(configuration, logger);
  await runUntilSignal(service, configuration.shutdownGraceS, logSink(logger));
} catch (error) {
  console.error(error instanceof ConfigurationError ? error.message : describeCrash(error));
  process.exitCode = error instanceof ConfigurationError ? 2 : 1;
}
