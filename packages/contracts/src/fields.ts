/**
 * The kinds of fields that messages are made of. Sentences are written to follow the name of the field, and state the
 * rule, never the value: a message may hold a session's state.
 */
import * as z from "zod";
import { isCount, isProbability, maxCount, maxNumeralDigits, numeralPattern } from "./decimal.ts";
import { mustBeObject } from "./issues.ts";
import { timestampPattern } from "./timestamp.ts";

/** Of identifiers, in characters. Four bytes each still fit into an entry of a PostgreSQL index. */
const maxIdentifierLength = 512;

function fitsIdentifier(text: string): boolean {
  if (text.length <= maxIdentifierLength) return true;
  // characters are code points to PostgreSQL and JSON Schema, and up to two units here
  return text.length <= 2 * maxIdentifierLength && [...text].length <= maxIdentifierLength;
}

const wrongLength = { code: "wrong_length" } as const;
const outOfRange = { code: "out_of_range" } as const;

const identifierRule = `must be a number or a string of 1 to ${maxIdentifierLength} characters`;

/** Who or what a message is about. */
export const identifier = z.union(
  [
    z
      .string()
      .refine((text) => text !== "" && fitsIdentifier(text), {
        error: identifierRule,
        params: wrongLength,
      })
      .meta({ minLength: 1, maxLength: maxIdentifierLength }),
    z.number(),
  ],
  { error: identifierRule },
);

const stringRule = "must be a string";

export const text = z.string({ error: stringRule });

const emptyRule = "must not be empty";

export const nonEmptyText = z.string({ error: stringRule }).min(1, { error: emptyRule });

const lengthRule = `must be at most ${maxIdentifierLength} characters long`;

export const shortText = text
  .refine(fitsIdentifier, {
    error: lengthRule,
    params: wrongLength,
  })
  .meta({ maxLength: maxIdentifierLength });

/** A JSON object whose content is nobody's business here; it is not walked, however large or deep it is. */
export const freeObject = z
  .custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    { error: mustBeObject },
  )
  .meta({ type: "object" });

const digitsRule = "has too many digits";

function asNumeral(rule: string): string {
  return `${rule}, as a number or a numeric string`;
}

const numeral = (rule: string, isInRange: (numeral: string) => boolean) =>
  z
    .string()
    .max(maxNumeralDigits, { error: digitsRule })
    .regex(numeralPattern, { error: asNumeral(rule) })
    // silent about what is no numeral: the line above has said so
    .refine((text) => !numeralPattern.test(text) || isInRange(text), {
      error: rule,
      params: outOfRange,
    });

const confidenceRule = "must be between 0 and 1";

/** How sure an agent is. Where it is absent the merge takes {@link defaultConfidence}. */
const confidence = z.union(
  [
    z.number().min(0, { error: confidenceRule }).max(1, { error: confidenceRule }),
    numeral(confidenceRule, isProbability),
  ],
  { error: asNumeral(confidenceRule) },
);

const defaultConfidence = 0.5;

export const optionalConfidence = confidence.nullish().meta({ default: defaultConfidence });

const countRule = `must be a whole number from 0 to ${maxCount}`;

export const count = z.union(
  [
    z
      .number()
      .refine((value) => Number.isSafeInteger(value) && value >= 0, {
        error: countRule,
        params: outOfRange,
      })
      .meta({ type: "integer", minimum: 0, maximum: maxCount }),
    numeral(countRule, isCount),
  ],
  { error: asNumeral(countRule) },
);

const timestampRule = "must be an ISO 8601 timestamp, like 2025-10-25T10:00:00Z";

export const timestamp = z
  .string({ error: timestampRule })
  .regex(timestampPattern, { error: timestampRule });

/** What issues of fields may say: all that does not depend on the message. */
export const fieldRules: readonly string[] = [
  mustBeObject,
  identifierRule,
  stringRule,
  emptyRule,
  lengthRule,
  digitsRule,
  ...[confidenceRule, countRule].flatMap((rule) => [rule, asNumeral(rule)]),
  timestampRule,
];
