import { type QueueName, queueNames } from "@centralcloud/contracts";
import {
  type CountedDeadLetters,
  countDeadLetters as countInScope,
  type DeadLetterFilter,
  type DeadLetterPage,
  type DeadLetterScope,
  findUnknownReasons,
  listDeadLetters,
  mergePages,
  unknownReason,
} from "@centralcloud/dead-letters";
import type { Answers } from "@centralcloud/service";
import { askSources, type KnownSource, type SourceOptions } from "./ask-sources.ts";
import type { PageRequest } from "./page.ts";

/** Which dead letters are asked for, and how. */
export interface DeadLetterOptions extends SourceOptions {
  /** Default: every queue. */
  readonly queue?: readonly QueueName[];
}

/** Asks each source about its dead letters; one that does not answer takes nothing from the others. */
export function askDeadLetters<Result>(
  urls: readonly string[],
  { queue: queues = queueNames, ...options }: DeadLetterOptions,
  ask: (scope: DeadLetterScope, source: KnownSource) => Promise<Result>,
): Promise<Answers<Result>> {
  return askSources(urls, options, ({ url, sourceId, name, pool }) =>
    ask({ sources: [{ sourceId, name, pool }], queues }, { url, sourceId, name }),
  );
}

/**
 * The same about those that a filter selects.
 *
 * @throws {SelectionError} where every source answers and none knows a reason that the filter names.
 */
export async function askFilteredDeadLetters<Result>(
  urls: readonly string[],
  options: DeadLetterOptions,
  filter: DeadLetterFilter,
  ask: (scope: DeadLetterScope, source: KnownSource) => Promise<Result>,
): Promise<Answers<Result>> {
  // How long it takes depends on how many there are, which may be few at all sources but one.
  const asking = { waitsForWork: "among-few", ...options } as const;
  const asked = await askDeadLetters(urls, asking, async (scope, source) => {
    return { unknown: await findUnknownReasons(scope, filter), answer: await ask(scope, source) };
  });
  const isWhole = asked.unreachable.length + asked.failed.length === 0;
  const unknown = filter.reasons?.find((reason) =>
    asked.answers.every((one) => one.unknown.includes(reason)),
  );
  if (unknown !== undefined && isWhole) throw unknownReason(unknown);
  return { ...asked, answers: asked.answers.map(({ answer }) => answer) };
}

/**
 * A page of dead letters, newest first, over all sources; none where no source answers. Bodies are left out unless they
 * are asked for.
 *
 * @throws {SelectionError}
 */
export async function readDeadLetters(
  urls: readonly string[],
  options: DeadLetterOptions,
  filter: DeadLetterFilter,
  { withMessages = false, ...page }: PageRequest & { readonly withMessages?: boolean },
): Promise<Answers<DeadLetterPage>> {
  const asked = await askFilteredDeadLetters(urls, options, filter, (scope) =>
    listDeadLetters(scope, filter, { ...page, withMessages }),
  );
  if (asked.answers.length === 0) return asked;
  return { ...asked, answers: [mergePages(asked.answers, page.limit)] };
}

/** Counts the dead letters that a filter selects, at each source. @throws {SelectionError} */
export function countDeadLetters(
  urls: readonly string[],
  options: DeadLetterOptions,
  filter: DeadLetterFilter,
): Promise<Answers<readonly CountedDeadLetters[]>> {
  return askFilteredDeadLetters(urls, options, filter, (scope) => countInScope(scope, filter));
}
