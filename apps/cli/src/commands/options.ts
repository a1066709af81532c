import { parseTimeBound, SelectionError, type TimeBound } from "@centralcloud/dead-letters";
import { ConfigurationError, parseDuration } from "@centralcloud/service";
import { InvalidArgumentError, type Option } from "commander";
import type { Pool } from "pg";

/** For an option that may be given several times: each value is parsed by itself. */
export function collectParsed<Value>(parse: (text: string) => Value) {
  return (text: string, previous: readonly Value[] = []): readonly Value[] => [
    ...previous,
    parse(text),
  ];
}

/** The same for texts. */
export const collect = collectParsed(String);

/** Names the values that an option may have, for its help and for completion; its parser refuses others. */
export function withChoices(option: Option, choices: readonly string[]): Option {
  option.argChoices = [...choices];
  return option;
}

/** A whole number from `minimum` on. */
export function number(option: string, minimum: number): (value: string) => number {
  return (value) => {
    const parsed = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (parsed >= minimum) return parsed;
    throw new InvalidArgumentError(`${option} must be a whole number from ${minimum}`);
  };
}

/** A duration as everywhere, such as `90s`, `2m` or `1h`; a number by itself is seconds. */
export function duration(text: string): number {
  const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : parseDuration(text);
  if (value !== undefined && value > 0) return value;
  throw new InvalidArgumentError("It must be a duration above 0, like 90s or 5m, or seconds.");
}

/** What options of times say of them. */
export const timeForms = "2026-01-31T12:00:00Z, or 2h for two hours ago";

/** A moment: ISO 8601, in UTC where it has no offset, or a duration before now. */
export function timeBound(text: string): TimeBound {
  try {
    return parseTimeBound(text);
  } catch (error) {
    if (error instanceof SelectionError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** A moment as UTC with microseconds, of fixed width; a duration counts back from the database's clock. */
export async function momentOf(database: Pool, bound: TimeBound): Promise<string> {
  const { rows } = await database.query<{ moment: string }>(
    `select to_char(coalesce($1::timestamptz, clock_timestamp() - make_interval(secs => $2))
                      at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as moment`,
    "at" in bound ? [bound.at, null] : [null, bound.secondsAgo],
  );
  return rows[0]?.moment ?? "";
}

/**
 * Refuses values of a filter that do not exist: nothing would be found, and that would look like good news.
 *
 * @throws {ConfigurationError} which says what there is.
 */
export function assertKnown(
  option: string,
  values: readonly string[],
  known: readonly string[],
): void {
  const unknown = values.find((value) => !known.includes(value));
  if (unknown === undefined) return;
  throw new ConfigurationError([
    `error: ${option} ${JSON.stringify(unknown)}: there is none; it must be one of ${known.join(", ")}`,
  ]);
}
