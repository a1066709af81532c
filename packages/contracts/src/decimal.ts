/**
 * Exact decisions about decimal numerals of any length. A double can't make them: 1.00000000000000000001 and 1 are the
 * same double, and PostgreSQL's `numeric` tells them apart.
 */

/** `0.digits × 10^exponent`, without leading or trailing zeros; zero has no digits. */
interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** Of an exponent. PostgreSQL's `numeric` ends at 131072 digits before and 16383 after the point; this is well inside. */
export const maxExponent = 1000;

/** Of a numeral. Together with the largest exponent still inside PostgreSQL's `numeric`. */
export const maxNumeralDigits = 10_000;

/** The largest count: beyond it a double, and so most clients, can't count. */
export const maxCount = Number.MAX_SAFE_INTEGER;

/**
 * What all of PostgreSQL 15 to 18 cast to `numeric`, less its spellings of infinity, hexadecimals, underscores and outer
 * spaces. No part can match in two ways, so a hostile numeral costs linear time.
 */
export const numeralPattern =
  /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?0*(?:1000|[0-9]{1,3}))?$/;

const parts = /^([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?$/;

function parseDecimal(numeral: string): Decimal | undefined {
  const match = numeralPattern.test(numeral) ? parts.exec(numeral) : null;
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const all = whole + fraction;
  let start = 0;
  while (all[start] === "0") start += 1;
  // not a regular expression: /0+$/ is quadratic on a long run of zeros inside
  let end = all.length;
  while (end > start && all[end - 1] === "0") end -= 1;
  return {
    negative: sign === "-",
    digits: all.slice(start, end),
    exponent: whole.length - start + Number(exponent),
  };
}

/** Whether a numeral lies between 0 and 1, both included. False for what is no numeral. */
export function isProbability(numeral: string): boolean {
  const decimal = parseDecimal(numeral);
  if (decimal === undefined) return false;
  const { negative, digits, exponent } = decimal;
  if (digits === "") return true;
  if (negative) return false;
  return exponent <= 0 || (exponent === 1 && digits === "1");
}

/** Whether a numeral is a whole number from 0 to {@link maxCount}; 5.0 and 5e0 are. False for what is no numeral. */
export function isCount(numeral: string): boolean {
  const decimal = parseDecimal(numeral);
  if (decimal === undefined) return false;
  const { negative, digits, exponent } = decimal;
  if (digits === "") return true;
  if (negative || exponent < digits.length) return false;
  const largest = String(maxCount);
  if (exponent !== largest.length) return exponent < largest.length;
  return digits.padEnd(exponent, "0") <= largest;
}

/** The same number as PostgreSQL writes it, without an exponent. As it is where that is beyond {@link maxExponent}. */
export function withoutExponent(numeral: string): string {
  const [, sign = "", whole = "", fraction = "", exponent] = parts.exec(numeral) ?? [];
  if (exponent === undefined || Math.abs(Number(exponent)) > maxExponent) return numeral;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  const integer = digits
    .slice(0, point)
    .padEnd(point, "0")
    .replace(/^0+(?=[0-9])/, "");
  return point < digits.length ? `${sign}${integer}.${digits.slice(point)}` : `${sign}${integer}`;
}
