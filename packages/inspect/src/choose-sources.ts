import { withoutSecrets } from "@centralcloud/postgres";
import { ConfigurationError } from "@centralcloud/service";
import {
  askSources,
  chooseUrls,
  defaultTimeoutS,
  identify,
  type KnownSource,
  type SourceOptions,
} from "./ask-sources.ts";
import { assertComplete } from "./faults.ts";

/**
 * The addresses of the sources that are named, or of all. Only for a name or an id are sources asked.
 *
 * @throws {ConfigurationError} {@link SourcesMissingError}
 */
export async function chooseSourceUrls(
  urls: readonly string[],
  wanted: readonly string[] | undefined,
): Promise<readonly string[]> {
  const chosen = chooseUrls(urls, wanted);
  if (chosen.names === undefined) return chosen.urls;
  const found = await askSources(urls, { source: chosen.names }, identify);
  assertComplete(found);
  assertNoTwins(found.answers);
  return found.answers.map(({ url }) => url);
}

/**
 * The sources that the options choose, once all of them can be reached: for what changes something. Each is waited for, also
 * where the others have answered.
 *
 * @throws {SourcesMissingError}
 */
export async function identifySources(
  urls: readonly string[],
  options: SourceOptions,
): Promise<readonly KnownSource[]> {
  const found = await askSources(urls, { timeout: defaultTimeoutS, ...options }, identify);
  assertComplete(found);
  assertNoTwins(found.answers);
  return found.answers;
}

/** What is decided by a source's id must not be done to another database that has the same. */
function assertNoTwins(sources: readonly KnownSource[]): void {
  for (const { sourceId, url } of sources) {
    const twin = sources.find((other) => other.url !== url && other.sourceId === sourceId);
    if (twin === undefined) continue;
    const places = `${withoutSecrets(url)} and ${withoutSecrets(twin.url)}`;
    throw new ConfigurationError([
      `--source: ${places} have the same id; name one by its address, and see \`centralcloud sources list\``,
    ]);
  }
}

/**
 * The one source that is named, or the only one.
 *
 * @throws {ConfigurationError} where that is not clear. {@link SourcesMissingError}
 */
export async function chooseSource(
  urls: readonly string[],
  wanted: string | undefined,
): Promise<KnownSource> {
  const options = wanted === undefined ? {} : { source: [wanted] };
  const [source, ...others] = await identifySources(urls, options);
  if (source !== undefined && others.length === 0) return source;
  const problem = wanted === undefined ? "there are several sources" : `several are ${wanted}`;
  const names = [source, ...others].map((one) =>
    wanted === undefined ? one?.name : one && withoutSecrets(one.url),
  );
  throw new ConfigurationError([
    `--source: ${problem}; choose one with --source: ${names.join(", ")}`,
  ]);
}
