import {
  assertCentralStore,
  judgeSource,
  type RegisteredSource,
  readRegisteredSources,
  type SourceState,
  sayConfiguredToo,
} from "@centralcloud/central";
import { databaseVariables } from "@centralcloud/consumer";
import { type IdentifiedSource, identifySource } from "@centralcloud/db";
import { assertReachable, createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import { ConfigurationError, type Environment, parseConfiguration } from "@centralcloud/service";
import type { Pool } from "pg";
import { type Answers, askSources } from "./sources.ts";

/** A configured database, and what the central store says of its id. */
export interface JudgedSource {
  readonly url: string;
  /** Host, port and database. */
  readonly address: string;
  readonly source: IdentifiedSource;
  readonly state: SourceState;
  readonly reason: string | null;
}

/** Every configured database that answers, judged; and what the central store knows. */
export interface CheckResult {
  readonly central: Pool;
  readonly asked: Answers<JudgedSource>;
  readonly registered: readonly RegisteredSource[];
}

/** @throws {DatabaseUnreachableError} of the central store. */
export async function withCheckResult<Result>(
  environment: Environment,
  options: { readonly timeout?: number },
  work: (checkResult: CheckResult) => Promise<Result>,
): Promise<Result> {
  const values = parseConfiguration(databaseVariables, environment);
  const { SOURCE_DATABASE_URLS: urls, CENTRAL_DATABASE_URL: centralUrl } = values;
  await assertReachable([centralUrl]);
  const central = createPool(centralUrl, { applicationName: "centralcloud-cli", max: 1 });
  try {
    await assertCentralStore(central);
    const found = await askSources(urls, options, async ({ url, pool }) => ({
      url,
      address: withoutSecrets(url),
      source: await identifySource(pool),
    }));
    const judged: JudgedSource[] = [];
    for (const one of found.answers) {
      const { address, source } = one;
      const twins = found.answers.filter(
        (other) => other !== one && other.source.sourceId === source.sourceId,
      );
      const otherAddresses = twins.map((twin) => twin.address);
      const checkResult = await judgeSource(central, source, { address, otherAddresses });
      judged.push({ ...one, ...checkResult });
    }
    const registered = await readRegisteredSources(central);
    const answers = judged.map((one) => withoutTwin(one, judged, registered));
    return await work({ central, asked: { ...found, answers }, registered });
  } finally {
    await endPool(central, 1_000);
  }
}

/** Of several names of one database that are configured, its own one stands for it, or else the first. */
function withoutTwin(
  one: JudgedSource,
  judged: readonly JudgedSource[],
  registered: readonly RegisteredSource[],
): JudgedSource {
  if (one.state !== "ok") return one;
  const { sourceId } = one.source;
  const own = registered.find((known) => known.sourceId === sourceId)?.addresses[0];
  const same = judged.filter(({ source, state }) => state === "ok" && source.sourceId === sourceId);
  const first = same.find(({ address }) => address === own) ?? same[0];
  if (first === undefined || first === one) return one;
  return { ...one, state: "conflict", reason: sayConfiguredToo(first.source, first.address) };
}

/**
 * The database that an operator decides about: the one that is refused, of those that are named.
 *
 * @param wanted a name, id or address; undefined: whichever is refused.
 * @throws {ConfigurationError} where that is not clear.
 */
export function chooseRefused({ asked }: CheckResult, wanted: string | undefined): JudgedSource {
  const named = asked.answers.filter(
    ({ address, source }) =>
      wanted === undefined || [address, source.sourceId, source.name].includes(wanted),
  );
  const refused = named.filter(({ state }) => state !== "ok");
  const [one, ...others] = refused.length > 0 || wanted === undefined ? refused : named;
  if (one !== undefined && others.length === 0) return one;
  const all = (found: readonly JudgedSource[]) => found.map(({ address }) => address).join(", ");
  if (one !== undefined) {
    const candidates = all([one, ...others]);
    throw new ConfigurationError([
      `--source: it could be any of several; choose one by its address: ${candidates}`,
    ]);
  }
  if (wanted === undefined) throw new NothingRefusedError();
  throw new ConfigurationError([
    `--source: no configured database that answers is ${wanted}; there are: ${all(asked.answers)}`,
  ]);
}

/** There is nothing to decide. */
class NothingRefusedError extends Error {
  constructor() {
    super(
      "every database that answers has an id of its own; name one by --source to decide nevertheless",
    );
    this.name = "NothingRefusedError";
  }
}
