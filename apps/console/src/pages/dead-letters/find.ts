import { isQueueName, type QueueName } from "@centralcloud/contracts";
import {
  chooseDeadLetter,
  type DeadLetter,
  DeadLetterNotFoundError,
  findDeadLetters,
  parseDeadLetterId,
  SelectionError,
} from "@centralcloud/dead-letters";
import { askDeadLetters, assertComplete, SourcesMissingError } from "@centralcloud/inspect";
import { ConfigurationError } from "@centralcloud/service";
import { deadLetterAnswerBytes } from "../../acting/databases.ts";
import type { Databases } from "../../reading/databases.ts";
import { NotFoundError, type Params } from "../../routing/route.ts";

/** A dead letter, with nothing masked. */
export interface FoundDeadLetter {
  readonly deadLetter: DeadLetter;
  /** JSON text of its message as PostgreSQL has it; null where it has none, or a longer one than was asked for. */
  readonly original: string | null;
}

export interface FindOptions {
  readonly databases: Databases;
  readonly params: Params;
  /** Bytes of the message's text beyond which it is left out; default: what consumers take. */
  readonly longest?: number;
}

/**
 * The dead letter that a path names by source, queue and id: one that waits, or else an archived one.
 *
 * @throws {NotFoundError} {@link SourcesMissingError}
 */
export async function findDeadLetter({
  databases,
  params,
  longest,
}: FindOptions): Promise<FoundDeadLetter> {
  const { source = "", queue: name = "" } = params;
  const queue = queueOf(name);
  const id = idOf(params.id ?? "");
  const { sourceUrls, asking, judge } = databases;
  const options = {
    ...asking,
    answerBytes: deadLetterAnswerBytes,
    source: [source],
    queue: [queue],
  };
  const limits = { ...judge, maxMessageBytes: longest ?? judge.maxMessageBytes };
  const asked = await askDeadLetters(sourceUrls, options, (scope) =>
    findDeadLetters(scope, { id }, limits),
  ).catch((error: unknown) => {
    if (error instanceof ConfigurationError && !(error instanceof SourcesMissingError)) {
      throw new NotFoundError(`There is no source ${source}; the sources are on their page.`);
    }
    throw error;
  });
  const found = asked.answers.flat();
  // It may be at a source that did not answer.
  if (found.length === 0) assertComplete(asked);
  try {
    const deadLetter = await chooseDeadLetter({ id }, found, judge);
    const isIt = (one: (typeof found)[number]) =>
      one.isArchived === (deadLetter.archived !== null) &&
      one.place.source.sourceId === deadLetter.sourceId;
    return { deadLetter, original: found.find(isIt)?.row.original ?? null };
  } catch (error) {
    if (!(error instanceof DeadLetterNotFoundError)) throw error;
    throw new NotFoundError(
      `There is no dead letter ${id} in ${queue} of ${source}, neither waiting nor archived; archives are kept for a while only.`,
    );
  }
}

function queueOf(name: string): QueueName {
  if (isQueueName(name)) return name;
  throw new NotFoundError(`There is no queue ${name}.`);
}

function idOf(text: string): string {
  try {
    return parseDeadLetterId(text);
  } catch (error) {
    if (error instanceof SelectionError) throw new NotFoundError(`${error.message}.`);
    throw error;
  }
}
