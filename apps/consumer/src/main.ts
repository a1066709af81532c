import "@centralcloud/service/fit-address-space";
import { cutAllConnections } from "@centralcloud/postgres";
import {
  assertAddressSpace,
  boundLookups,
  ConfigurationError,
  describeCrash,
  endOnCrash,
  endWithin,
  logSink,
  runUntilSignal,
} from "@centralcloud/service";
import { readConsumerConfiguration } from "./configuration.ts";
import { keepHeapSmall } from "./keep-heap-small.ts";
import { createLogger } from "./logger.ts";
import { consumerEvents } from "./observation.ts";
import { createConsumerService } from "./run.ts";

/* The service by itself, as an image runs it; `centralcloud consume` is the same. */
endOnCrash();
boundLookups();
try {
  assertAddressSpace();
  keepHeapSmall();
  const configuration = readConsumerConfiguration(process.env);
  const logger = createLogger(configuration.logLevel, 1, {
    format: configuration.logFormat,
    environment: process.env,
  });
  const service = createConsumerService(configuration, logger);
  await runUntilSignal(service, {
    graceS: configuration.shutdownGraceS,
    observe: logSink(logger, consumerEvents),
    cutConnections: cutAllConnections,
  });
} catch (error) {
  console.error(error instanceof ConfigurationError ? error.message : describeCrash(error));
  process.exitCode = error instanceof ConfigurationError ? 2 : 1;
}
endWithin();
