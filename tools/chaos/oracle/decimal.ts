/** An exact decimal number: `unscaled × 10^-scale`. */
export interface Decimal {
  readonly unscaled: bigint;
  /** From 0. */
  readonly scale: number;
}

const numeral = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;

/**
 * The number that a numeral spells, with as many digits after the point as PostgreSQL's `numeric`
 * would keep: those that are written, shifted by the exponent.
 *
 * @throws {RangeError} for what is no numeral.
 */
export function parseDecimal(text: string): Decimal {
  const match = numeral.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match ?? [];
  if (match === null || whole + fraction === "") throw new RangeError(`${text} is no number`);
  const digits = BigInt(sign + whole + fraction);
  const scale = fraction.length - Number(exponent);
  return scale >= 0
    ? { unscaled: digits, scale }
    : { unscaled: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** As PostgreSQL writes a `numeric`: every digit of the scale, and no exponent. */
export function formatDecimal({ unscaled, scale }: Decimal): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale);
  return `${unscaled < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** The same number without zeros at its end. */
export function trimDecimal({ unscaled, scale }: Decimal): Decimal {
  let trimmed = unscaled;
  let places = scale;
  while (places > 0 && trimmed % 10n === 0n) {
    trimmed /= 10n;
    places -= 1;
  }
  return { unscaled: trimmed, scale: places };
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { unscaled: unscaledAt(a, scale) + unscaledAt(b, scale), scale };
}

/** Negative where `a` is less than `b`, positive where it is greater, 0 where both are the same number. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = unscaledAt(a, scale) - unscaledAt(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function unscaledAt({ unscaled, scale }: Decimal, wanted: number): bigint {
  return unscaled * 10n ** BigInt(wanted - scale);
}
