import {
  type CaptureConfiguration,
  captureVariables,
  readCaptureSettings,
} from "@centralcloud/cdc";
import { assertCentralStore, assertNotRefused, claimCapturedSource } from "@centralcloud/central";
import { databaseVariables, type LogFormat, logFormat, logLevel } from "@centralcloud/consumer";
import { identifySource } from "@centralcloud/db";
import { assertReachable, createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import { type Environment, parseConfiguration, wholeNumber } from "@centralcloud/service";
import type { Pool } from "pg";
import type { z } from "zod";
import { type Answers, askSources, chooseSource, identify, type SourceOptions } from "./sources.ts";

const variables = { ...databaseVariables, ...captureVariables };

/** Of a process that captures by itself. */
const serviceVariables = {
  CONSUMER_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 25),
  LOG_LEVEL: logLevel,
  LOG_FORMAT: logFormat,
};

export type CdcEnvironment = CaptureConfiguration;

export interface CaptureService {
  readonly configuration: CaptureConfiguration;
  readonly shutdownGraceS: number;
  readonly logLevel: string;
  readonly logFormat: LogFormat;
}

/** What `cdc run` is to do. @throws {ConfigurationError} */
export function readCaptureService(environment: Environment): CaptureService {
  const values = parseConfiguration({ ...variables, ...serviceVariables }, environment);
  return {
    configuration: configurationOf(values),
    shutdownGraceS: values.CONSUMER_SHUTDOWN_GRACE_S,
    logLevel: values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT,
  };
}

/** What a capture in this environment would do, whether or not it is enabled. @throws {ConfigurationError} */
export function readCdcEnvironment(environment: Environment): CdcEnvironment {
  return configurationOf(parseConfiguration(variables, environment));
}

function configurationOf(values: z.output<z.ZodObject<typeof variables>>): CaptureConfiguration {
  return {
    sourceUrls: values.SOURCE_DATABASE_URLS,
    centralUrl: values.CENTRAL_DATABASE_URL,
    ...readCaptureSettings(values),
  };
}

/** A source that a command works on, and the central store. */
export interface CdcTarget {
  readonly url: string;
  readonly name: string;
  readonly source: Pool;
  readonly central: Pool;
}

/** One that something is changed at. */
export interface ChangedTarget extends CdcTarget {
  /** Says which server the source is on, for whoever begins to capture it. @throws {SourceRefusedError} */
  readonly claim: () => Promise<void>;
}

/** Asks each source something that takes the central store, too. @throws {DatabaseUnreachableError} of that. */
export function askTargets<Result>(
  { sourceUrls, centralUrl }: CdcEnvironment,
  options: SourceOptions,
  ask: (target: CdcTarget) => Promise<Result>,
): Promise<Answers<Result>> {
  return withCentral(centralUrl, (central) =>
    askSources(sourceUrls, options, ({ url, name, pool }) =>
      ask({ url, name, source: pool, central }),
    ),
  );
}

/**
 * Does something at the one source that is named, or the only one, for as long as it takes; not at a database whose id
 * is another's, since that one's capture would be changed.
 *
 * @throws {SourceRefusedError}
 */
export async function atTarget<Result>(
  { sourceUrls, centralUrl }: CdcEnvironment,
  wanted: string | undefined,
  action: (target: ChangedTarget) => Promise<Result>,
): Promise<Result> {
  const { url, name } = await chooseSource(sourceUrls, wanted);
  return await withCentral(centralUrl, async (central) => {
    const source = createPool(url, { applicationName: "centralcloud-cli", max: 2 });
    try {
      const identified = await identifySource(source);
      const otherAddresses = await findTwins(sourceUrls, url, identified.sourceId);
      const asked = { address: withoutSecrets(url), otherAddresses };
      await assertNotRefused(central, identified, asked);
      const claim = async () => void (await claimCapturedSource(central, identified, asked));
      return await action({ url, name, source, central, claim });
    } finally {
      await endPool(source, 1_000);
    }
  });
}

/** How long a database beside the one that is meant may take to say its id, in seconds. */
const twinTimeoutS = 5;

/** Where else a database of this id is configured that answers. */
async function findTwins(
  urls: readonly string[],
  url: string,
  sourceId: string,
): Promise<readonly string[]> {
  const others = urls.filter((other) => withoutSecrets(other) !== withoutSecrets(url));
  const { answers } = await askSources(others, { timeout: twinTimeoutS }, identify);
  return answers
    .filter((other) => other.sourceId === sourceId)
    .map((other) => withoutSecrets(other.url));
}

async function withCentral<Result>(
  url: string,
  work: (central: Pool) => Promise<Result>,
): Promise<Result> {
  await assertReachable([url]);
  const central = createPool(url, { applicationName: "centralcloud-cli", max: 2 });
  try {
    await assertCentralStore(central);
    return await work(central);
  } finally {
    await endPool(central, 1_000);
  }
}
