import {
  databaseUrl,
  databaseUrls,
  type Environment,
  parseConfiguration,
  wholeNumber,
} from "@centralcloud/service";
import { z } from "zod";

/** The variables that name the databases; every command needs some of them. */
export const databaseVariables = {
  SOURCE_DATABASE_URLS: databaseUrls(),
  CENTRAL_DATABASE_URL: databaseUrl(),
};

export const logLevel = z
  .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
    error: "must be one of fatal, error, warn, info, debug, trace, silent",
  })
  .default("info");

const variables = {
  ...databaseVariables,
  CONSUMER_BATCH_SIZE: wholeNumber(1, 10_000, 500),
  CONSUMER_CONCURRENCY: wholeNumber(1, 64, 2),
  CONSUMER_VISIBILITY_TIMEOUT_S: wholeNumber(1, 43_200, 30),
  CONSUMER_MAX_DELIVERIES: wholeNumber(1, 1_000_000, 20),
  CONSUMER_MAX_MESSAGE_BYTES: wholeNumber(1, 268_435_455, 1_048_576),
  CONSUMER_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 25),
  CONSUMER_HTTP_PORT: wholeNumber(0, 65_535, 9_464),
  LOG_LEVEL: logLevel,
};

export interface ConsumerConfiguration {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
  /** Messages per read. */
  readonly batchSize: number;
  /** Batches in flight per lane. */
  readonly concurrency: number;
  readonly visibilityTimeoutS: number;
  readonly maxDeliveries: number;
  readonly maxMessageBytes: number;
  readonly shutdownGraceS: number;
  /** 0 means any free port. */
  readonly httpPort: number;
  readonly logLevel: z.output<typeof logLevel>;
}

/** @throws {ConfigurationError} with one line per mistake. */
export function readConsumerConfiguration(environment: Environment): ConsumerConfiguration {
  const values = parseConfiguration(variables, environment);
  return {
    sourceUrls: values.SOURCE_DATABASE_URLS,
    centralUrl: values.CENTRAL_DATABASE_URL,
    batchSize: values.CONSUMER_BATCH_SIZE,
    concurrency: values.CONSUMER_CONCURRENCY,
    visibilityTimeoutS: values.CONSUMER_VISIBILITY_TIMEOUT_S,
    maxDeliveries: values.CONSUMER_MAX_DELIVERIES,
    maxMessageBytes: values.CONSUMER_MAX_MESSAGE_BYTES,
    shutdownGraceS: values.CONSUMER_SHUTDOWN_GRACE_S,
    httpPort: values.CONSUMER_HTTP_PORT,
    logLevel: values.LOG_LEVEL,
  };
}
