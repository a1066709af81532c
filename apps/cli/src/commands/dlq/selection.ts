import { deadLetterReasons, type QueueName, queueNames } from "@centralcloud/contracts";
import {
  type DeadLetterFilter,
  parseDeadLetterId,
  parseFingerprint,
  SelectionError,
  type TimeBound,
} from "@centralcloud/dead-letters";
import type { DeadLetterOptions } from "@centralcloud/inspect";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type SourceOptions, sourceOption } from "../../sources.ts";
import {
  assertKnown,
  collect,
  collectParsed,
  timeBound,
  timeForms,
  withChoices,
} from "../options.ts";

/** Which queues and sources; every one where none is named. */
export interface ScopeOptions {
  readonly queue?: readonly QueueName[];
  readonly source?: readonly string[];
}

export interface FilterOptions extends ScopeOptions {
  readonly messageId?: readonly string[];
  readonly deadLetterReason?: readonly string[];
  readonly code?: readonly string[];
  readonly fingerprint?: readonly string[];
  readonly since?: TimeBound;
  readonly until?: TimeBound;
  readonly text?: string;
  readonly path?: string;
}

export function addScopeOptions(command: Command): Command {
  return command
    .addOption(
      withChoices(
        new Option("--queue <name>", "of this queue only; may be repeated").argParser(
          collectParsed(queueName),
        ),
        queueNames,
      ),
    )
    .addOption(sourceOption());
}

/**
 * The filters of dead letters. Commands that change something take `--reason` for the operator's reason, so
 * the reason of a dead letter is `--dead-letter-reason` everywhere.
 */
export function addFilterOptions(command: Command): Command {
  return addScopeOptions(command)
    .addOption(
      new Option(
        "--message-id <id>",
        "the dead letter of this message: `msgId` of the log, not the id of the dead letter; may be repeated",
      ).argParser(collectParsed(deadLetterId)),
    )
    .addOption(
      withChoices(
        new Option(
          "--dead-letter-reason <reason>",
          "dead letters with this reason; may be repeated",
        ).argParser(collect),
        deadLetterReasons,
      ),
    )
    .addOption(
      new Option(
        "--code <code>",
        "dead letters with this error code, such as out_of_range or 23514; may be repeated",
      ).argParser(collect),
    )
    .addOption(
      new Option(
        "--fingerprint <fingerprint>",
        "dead letters of this group, as `dlq groups` names it; may be repeated",
      ).argParser(collectParsed(fingerprint)),
    )
    .option("--since <time>", `dead letters since then: ${timeForms}`, timeBound)
    .option("--until <time>", "dead letters until then", timeBound)
    .option("--text <text>", "dead letters whose original message contains this text, in any case")
    .option(
      "--path <jsonpath>",
      "dead letters whose original message meets this condition, such as '$.confidence > 1'",
    );
}

/**
 * @param ids dead letter ids; where there are some, no other filter may be given.
 * @throws {SelectionError}
 */
export function readFilter(options: FilterOptions, ids: readonly string[] = []): DeadLetterFilter {
  const filter: DeadLetterFilter = {
    ...(options.messageId ? { messageIds: options.messageId } : {}),
    ...(options.deadLetterReason ? { reasons: options.deadLetterReason } : {}),
    ...(options.code ? { codes: options.code } : {}),
    ...(options.fingerprint ? { fingerprints: options.fingerprint } : {}),
    ...(options.since ? { since: options.since } : {}),
    ...(options.until ? { until: options.until } : {}),
    ...(options.text === undefined ? {} : { text: options.text }),
    ...(options.path === undefined ? {} : { path: options.path }),
  };
  if (ids.length === 0) return filter;
  if (Object.keys(filter).length > 0) {
    throw new SelectionError("give ids or filters; only --queue and --source go with ids");
  }
  return { ids: ids.map(parseDeadLetterId) };
}

/** Which sources and queues a command that only reads asks, and for how long. */
export function askingOf({
  source,
  queue,
  timeout,
}: ScopeOptions & SourceOptions): DeadLetterOptions {
  return {
    ...(source === undefined ? {} : { source }),
    ...(queue === undefined ? {} : { queue }),
    ...(timeout === undefined ? {} : { timeout }),
  };
}

/** Commands that change nothing have no reason of their own, so they take the dead letters' by its short name, too. */
export function addReasonOption(command: Command): Command {
  return command.addOption(
    new Option("--reason <reason>", "the same as --dead-letter-reason").argParser(collect),
  );
}

/** @throws {SelectionError} */
export function readListFilter(
  options: FilterOptions & { readonly reason?: readonly string[] },
): DeadLetterFilter {
  const { reason = [], deadLetterReason = [] } = options;
  const reasons = [...deadLetterReason, ...reason];
  return readFilter(reasons.length > 0 ? { ...options, deadLetterReason: reasons } : options);
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

/** An id, in decimal digits. */
export function deadLetterId(text: string): string {
  try {
    return parseDeadLetterId(text);
  } catch (error) {
    if (error instanceof SelectionError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

function fingerprint(text: string): string {
  try {
    return parseFingerprint(text);
  } catch (error) {
    if (error instanceof SelectionError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** @param maximum the largest that makes sense. */
export function wholeNumberUpTo(maximum: number) {
  return (text: string): number => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= maximum) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${maximum}.`);
  };
}

function queueName(text: string): QueueName {
  const name = text.replace(/-dlq$/, "");
  assertKnown("--queue", [name], queueNames);
  return name as QueueName;
}
