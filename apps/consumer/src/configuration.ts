import { isIP } from "node:net";
import { type CaptureSettings, captureVariables, readCaptureSettings } from "@centralcloud/cdc";
import { databaseUrl, databaseUrls } from "@centralcloud/postgres";
import {
  ConfigurationError,
  type Environment,
  flag,
  givenWholeNumber,
  parseConfiguration,
  wholeNumber,
} from "@centralcloud/service";
import { KeyRingError, parseSessionKeys, type SessionKey } from "@centralcloud/session-keys";
import { z } from "zod";
import { type LogFormat, logFormat } from "./logger.ts";
import { readTracingSettings, type TracingSettings, tracingVariables } from "./tracing/settings.ts";

/** The variables that name the databases; every command needs some of them. */
export const databaseVariables = {
  SOURCE_DATABASE_URLS: databaseUrls(),
  CENTRAL_DATABASE_URL: databaseUrl(),
};

/** Batches in flight per lane. */
export const concurrency = wholeNumber(1, 64, 2);

export const logLevel = z
  .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
    error: "must be one of fatal, error, warn, info, debug, trace, silent",
  })
  .default("info");

/** The private keys that open sealed sessions: the content of one or more key files. */
export const sessionPrivateKeys = z
  .string()
  .optional()
  .transform((text, context): readonly SessionKey[] => {
    try {
      return text === undefined ? [] : parseSessionKeys(text);
    } catch (error) {
      if (!(error instanceof KeyRingError)) throw error;
      context.addIssue({ code: "custom", message: error.mistakes.join("; ") });
      return z.NEVER;
    }
  });

/** Where to listen: an IP address without a port, or a host name; absent: all interfaces. */
export const httpAddress = z
  .string()
  .refine((text) => isIP(text) !== 0 || /^(?=.{1,253}$)[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(text), {
    error: "must be an IP address or a host name, without a port or brackets",
  })
  .optional();

/** Larger batches are cheaper a message, and not sooner done: only where messages wait anyway. Whoever sets one means it. */
const defaultBatchSizes = { usual: 500, backlog: 2_000 };

const variables = {
  ...databaseVariables,
  CONSUMER_BATCH_SIZE: givenWholeNumber(1, 10_000).optional(),
  CONSUMER_CONCURRENCY: concurrency,
  CONSUMER_VISIBILITY_TIMEOUT_S: wholeNumber(1, 43_200, 30),
  CONSUMER_MAX_ATTEMPTS: wholeNumber(1, 1_000, 5),
  CONSUMER_MAX_DELIVERIES: wholeNumber(1, 1_000_000, 20),
  CONSUMER_MAX_MESSAGE_BYTES: wholeNumber(1, 268_435_455, 1_048_576),
  CONSUMER_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 25),
  CONSUMER_HTTP_PORT: wholeNumber(0, 65_535, 9_464),
  CONSUMER_HTTP_ADDRESS: httpAddress,
  CONSUMER_LEDGER_RETENTION_H: wholeNumber(24, 87_600, 24),
  CONSUMER_TRANSACTION_POOLING: flag(false),
  SESSION_PRIVATE_KEYS: sessionPrivateKeys,
  SESSION_REQUIRE_SEALED: flag(false),
  LOG_LEVEL: logLevel,
  LOG_FORMAT: logFormat,
  ...captureVariables,
  ...tracingVariables,
};

/** The name of every variable that the consumer reads; each may be given as `NAME_FILE`, too. */
export const consumerVariables: readonly string[] = Object.keys(variables);

export interface ConsumerConfiguration {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
  /** Messages per read. */
  readonly batchSize: number;
  /** Messages per read while a queue holds more than one reads. */
  readonly backlogBatchSize: number;
  /** Batches in flight per lane. */
  readonly concurrency: number;
  readonly visibilityTimeoutS: number;
  /** Failed attempts of one message before it is dead-lettered. */
  readonly maxAttempts: number;
  readonly maxDeliveries: number;
  readonly maxMessageBytes: number;
  readonly shutdownGraceS: number;
  /** 0 means any free port. */
  readonly httpPort: number;
  /** Absent: all interfaces. */
  readonly httpAddress?: string;
  /** How long a ledger row is kept, in hours; at least 24. */
  readonly ledgerRetentionHours: number;
  /** Whether a pooler in transaction mode is in between: nothing then relies on a session. */
  readonly transactionPooling: boolean;
  /** The key ring; secret. */
  readonly sessionKeys: readonly SessionKey[];
  /** Whether sessions that come in plain are refused. */
  readonly requireSealedSessions: boolean;
  readonly logLevel: z.output<typeof logLevel>;
  readonly logFormat: LogFormat;
  readonly capture: CaptureSettings;
  /** Where the spans of batches go; absent: nowhere. */
  readonly tracing?: TracingSettings;
}

/** @throws {ConfigurationError} with one line per mistake. */
export function readConsumerConfiguration(environment: Environment): ConsumerConfiguration {
  const values = parseConfiguration(variables, environment);
  const tracing = readTracingSettings(values);
  return {
    sourceUrls: values.SOURCE_DATABASE_URLS,
    centralUrl: values.CENTRAL_DATABASE_URL,
    batchSize: values.CONSUMER_BATCH_SIZE ?? defaultBatchSizes.usual,
    backlogBatchSize: values.CONSUMER_BATCH_SIZE ?? defaultBatchSizes.backlog,
    concurrency: values.CONSUMER_CONCURRENCY,
    visibilityTimeoutS: values.CONSUMER_VISIBILITY_TIMEOUT_S,
    maxAttempts: values.CONSUMER_MAX_ATTEMPTS,
    maxDeliveries: values.CONSUMER_MAX_DELIVERIES,
    maxMessageBytes: values.CONSUMER_MAX_MESSAGE_BYTES,
    shutdownGraceS: values.CONSUMER_SHUTDOWN_GRACE_S,
    httpPort: values.CONSUMER_HTTP_PORT,
    ...(values.CONSUMER_HTTP_ADDRESS === undefined
      ? {}
      : { httpAddress: values.CONSUMER_HTTP_ADDRESS }),
    ledgerRetentionHours: values.CONSUMER_LEDGER_RETENTION_H,
    transactionPooling: values.CONSUMER_TRANSACTION_POOLING,
    sessionKeys: values.SESSION_PRIVATE_KEYS,
    requireSealedSessions: values.SESSION_REQUIRE_SEALED,
    logLevel: values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT,
    capture: readCaptureSettings(values),
    ...(tracing === undefined ? {} : { tracing }),
  };
}

/**
 * Throws the mistakes that were found in keys as mistakes of the variable, or option, that they came
 * by; any other error as it is.
 */
export function throwAsConfigurationError(name: string, error: unknown): never {
  if (!(error instanceof KeyRingError)) throw error;
  throw new ConfigurationError(error.mistakes.map((mistake) => `${name}: ${mistake}`));
}
