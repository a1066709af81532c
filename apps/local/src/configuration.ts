import { type ConsumerConfiguration, readConsumerConfiguration } from "@centralcloud/consumer";
import { ConfigurationError, type Environment } from "@centralcloud/service";

export interface DatabaseUrls {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
}

export interface LocalConfiguration {
  /** Undefined: the embedded PostgreSQL. */
  readonly given: DatabaseUrls | undefined;
  readonly consumer: Omit<ConsumerConfiguration, keyof DatabaseUrls>;
  /** Of this process: some of it is for the console. */
  readonly environment: Environment;
  /** Whether the user asked for this very port, so that no other one will do. */
  readonly httpPortIsGiven: boolean;
}

const databaseNames = ["SOURCE_DATABASE_URLS", "CENTRAL_DATABASE_URL"];

/** Valid addresses for the rest of the configuration to be checked beside, before any is known. */
const placeholders = {
  SOURCE_DATABASE_URLS: "postgres://embedded/singularity",
  CENTRAL_DATABASE_URL: "postgres://embedded/centralcloud",
};

/** Of the embedded databases, changes are captured, too; of the user's own only where they ask for it. */
const embeddedDefaults = { CDC_ENABLED: "true" };

/** Somebody waits at the terminal, and what stays in flight comes back when its lease ends. */
const defaults = { CONSUMER_SHUTDOWN_GRACE_S: "5" };

/** @throws {ConfigurationError} with one line per mistake. */
export function readLocalConfiguration(
  environment: Environment,
  { fresh }: { readonly fresh: boolean },
): LocalConfiguration {
  const isGiven = (name: string) => Boolean(environment[name] || environment[`${name}_FILE`]);
  const names = databaseNames.filter(isGiven);
  const mistakes: string[] = [];
  if (fresh && names.length > 0) {
    mistakes.push(
      `--fresh: deletes the embedded databases, and no others; unset ${names.join(" and ")}, or leave it out`,
    );
  }
  const values = {
    ...(isGiven("CONSUMER_SHUTDOWN_GRACE_S") ? {} : defaults),
    ...(names.length > 0 || isGiven("CDC_ENABLED") ? {} : embeddedDefaults),
    ...environment,
    ...(names.length > 0 ? {} : placeholders),
  };
  const consumer = collectMistakes(() => readConsumerConfiguration(values), mistakes);
  if (names.length === 1) {
    mistakes.push(
      "Give both SOURCE_DATABASE_URLS and CENTRAL_DATABASE_URL, or neither: then PostgreSQL comes with npm start.",
    );
  }
  if (consumer === undefined || mistakes.length > 0) throw new ConfigurationError(mistakes);
  const { sourceUrls, centralUrl, ...rest } = consumer;
  return {
    given: names.length > 0 ? { sourceUrls, centralUrl } : undefined,
    consumer: rest,
    environment,
    httpPortIsGiven: isGiven("CONSUMER_HTTP_PORT"),
  };
}

function collectMistakes<Value>(read: () => Value, mistakes: string[]): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    mistakes.push(...error.mistakes);
    return undefined;
  }
}
