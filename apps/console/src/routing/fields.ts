import { isQueueName, type QueueName, queueNames } from "@centralcloud/contracts";
import {
  parseDeadLetterId,
  parseFingerprint,
  parseTimeBound,
  SelectionError,
  type TimeBound,
} from "@centralcloud/dead-letters";
import { parseDuration } from "@centralcloud/service";
import { z } from "zod";

/*
 * Fields of queries and forms. Each takes every value that was given for its name: the names are those of the command
 * line's options, and so are the values.
 */

/** What a query or a form may have: a field for each name. */
export type Fields = Readonly<Record<string, z.ZodType<unknown, readonly string[] | undefined>>>;

export type ValuesOf<Given extends Fields> = {
  readonly [Name in keyof Given]: z.output<Given[Name]>;
};

/** One value. */
export function one<Output>(value: z.ZodType<Output, string>) {
  return z
    .array(z.string(), "must be given")
    .max(1, "may be given once")
    .transform(([text = ""]) => text)
    .pipe(value);
}

/** One value, or none. */
export function maybe<Output>(value: z.ZodType<Output, string>) {
  return one(value).optional();
}

/** Several values, or none. */
export function several<Output>(value: z.ZodType<Output, string>) {
  return z.array(value).max(100, "may be given 100 times at most").optional();
}

/** Any text up to a length, in characters. */
export function text(longest = 1_000) {
  return z.string().max(longest, `must have ${longest} characters at most`);
}

/** A whole number from `minimum` to `maximum`. */
export function whole(minimum: number, maximum: number) {
  const sentence = `must be a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, sentence)
    .transform(Number)
    .pipe(z.number().min(minimum, sentence).max(maximum, sentence));
}

/** A whole number; `fallback` where it is not given. */
export function wholeOr(minimum: number, maximum: number, fallback: number) {
  return maybe(whole(minimum, maximum)).transform((value) => value ?? fallback);
}

/** A box that is ticked, or an option without a value: true where it is given. */
export function flag() {
  return z
    .array(z.string())
    .max(1, "may be given once")
    .optional()
    .transform((given) => given !== undefined);
}

/** A name of a queue. */
export const queue: z.ZodType<QueueName, string> = z
  .string()
  .refine(isQueueName, { error: `must be one of ${queueNames.join(", ")}` })
  .transform((name) => name as QueueName);

/** An id in decimal digits. */
export const id = parsed(parseDeadLetterId);

export const fingerprint = parsed(parseFingerprint);

/** `2026-01-31T12:00:00Z`, or a duration before now such as `2h`. */
export const timeBound: z.ZodType<TimeBound, string> = parsed(parseTimeBound);

/** Seconds, as a duration such as `90s`, `5m` or `1h`, from `minimum` seconds on. */
export function duration(minimum = 1) {
  return z.string().transform((given, context) => {
    const seconds = /^\d{1,9}$/.test(given) ? Number(given) : parseDuration(given);
    if (seconds !== undefined && seconds >= minimum) return seconds;
    context.addIssue({
      code: "custom",
      message: `must be a duration like 90s, 5m or 1h, from ${minimum}s on`,
    });
    return z.NEVER;
  });
}

/** Takes a parser that throws {@link SelectionError}. */
export function parsed<Output>(parse: (given: string) => Output): z.ZodType<Output, string> {
  return z.string().transform((given, context) => {
    try {
      return parse(given);
    } catch (error) {
      if (!(error instanceof SelectionError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
}

/** What is wrong with what was given, a sentence for each mistake. */
export class GivenError extends Error {
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "GivenError";
    this.mistakes = mistakes;
  }
}

/** What was given for each name, in order; empty fields of a form count as not given. */
export function collectGiven(pairs: Iterable<readonly [string, string]>): Map<string, string[]> {
  const given = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    if (value === "") continue;
    const values = given.get(name);
    if (values === undefined) given.set(name, [value]);
    else values.push(value);
  }
  return given;
}

/**
 * Reads what was given. An unknown name is a mistake: a filter that is mistyped must not become "all".
 *
 * @throws {GivenError}
 */
export function readFields<Given extends Fields>(
  fields: Given,
  given: ReadonlyMap<string, readonly string[]>,
): ValuesOf<Given> {
  const known = Object.keys(fields);
  const mistakes = [...given.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const choice = known.length === 0 ? "this page takes none" : `there are ${known.join(", ")}`;
      return `there is no parameter ${JSON.stringify(name)}; ${choice}`;
    });
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const result = field.safeParse(given.get(name));
    if (result.success) values[name] = result.data;
    else mistakes.push(...result.error.issues.map(({ message }) => `${name}: ${message}`));
  }
  if (mistakes.length > 0) throw new GivenError(mistakes);
  return values as ValuesOf<Given>;
}
