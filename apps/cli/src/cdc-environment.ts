import {
  type CaptureConfiguration,
  captureVariables,
  readCaptureSettings,
} from "@centralcloud/cdc";
import { databaseVariables, logLevel } from "@centralcloud/consumer";
import { assertReachable, createPool, endPool, readSource } from "@centralcloud/db";
import {
  ConfigurationError,
  type Environment,
  parseConfiguration,
  wholeNumber,
} from "@centralcloud/service";
import type { Pool } from "pg";

const variables = {
  ...databaseVariables,
  ...captureVariables,
  CONSUMER_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 25),
  LOG_LEVEL: logLevel,
};

export interface CdcEnvironment extends CaptureConfiguration {
  readonly shutdownGraceS: number;
  readonly logLevel: string;
}

/** What a capture in this environment would do, whether or not it is enabled. @throws {ConfigurationError} */
export function readCdcEnvironment(environment: Environment): CdcEnvironment {
  const values = parseConfiguration(variables, environment);
  return {
    sourceUrls: values.SOURCE_DATABASE_URLS,
    centralUrl: values.CENTRAL_DATABASE_URL,
    ...readCaptureSettings(values),
    shutdownGraceS: values.CONSUMER_SHUTDOWN_GRACE_S,
    logLevel: values.LOG_LEVEL,
  };
}

/** A source that a command works on, and the central store. */
export interface CdcTarget {
  readonly url: string;
  readonly name: string;
  readonly source: Pool;
  readonly central: Pool;
}

/** Does something at each source, one after the other. @throws {DatabaseUnreachableError} */
export async function atEachTarget<Result>(
  { sourceUrls, centralUrl }: CdcEnvironment,
  action: (target: CdcTarget) => Promise<Result>,
): Promise<Result[]> {
  await assertReachable([...sourceUrls, centralUrl]);
  const central = createPool(centralUrl, { applicationName: "centralcloud-cli", max: 2 });
  const results: Result[] = [];
  try {
    for (const url of sourceUrls) {
      const source = createPool(url, { applicationName: "centralcloud-cli", max: 2 });
      try {
        const { name } = await readSource(source);
        results.push(await action({ url, name, source, central }));
      } finally {
        await endPool(source, 1_000);
      }
    }
    return results;
  } finally {
    await endPool(central, 1_000);
  }
}

/**
 * The configuration with one source only: the one that is named, or the only one.
 *
 * @throws {ConfigurationError} where that is not clear.
 */
export async function chooseSource(
  environment: CdcEnvironment,
  wanted: string | undefined,
): Promise<CdcEnvironment> {
  const names = new Map<string, string>();
  await atEachTarget(environment, async ({ url, name }) => names.set(name, url));
  const only = names.size === 1 && wanted === undefined ? [...names.keys()][0] : wanted;
  const url = names.get(only ?? "");
  if (url !== undefined) return { ...environment, sourceUrls: [url] };
  const problem =
    wanted === undefined ? "there are several sources" : `there is no source ${wanted}`;
  throw new ConfigurationError([
    `--source: ${problem}; choose one of ${[...names.keys()].join(", ")}`,
  ]);
}
