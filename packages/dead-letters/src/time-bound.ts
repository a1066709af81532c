import { SelectionError } from "./errors.ts";

/** A moment: by itself, or so long before now, by the clock of the source. */
export type TimeBound = { readonly at: string } | { readonly secondsAgo: number };

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(Z|[+-]\d\d(?::?[0-5]\d)?)?)?$/;

/**
 * Reads `2026-01-31T12:00:00Z` (a date alone is its midnight; without an offset it is UTC), or a
 * duration before now such as `90s`, `15m`, `2h`, `1d12h`, `1w`.
 *
 * @throws {SelectionError}
 */
export function parseTimeBound(text: string): TimeBound {
  if (/^(\d{1,9}[smhdw])+$/.test(text)) {
    const parts = text.match(/\d+[smhdw]/g) ?? [];
    const secondsAgo = parts.reduce(
      (sum, part) => sum + Number.parseInt(part, 10) * (units[part.slice(-1)] ?? 0),
      0,
    );
    return { secondsAgo };
  }
  const [, year, month, day, offset] = iso.exec(text) ?? [];
  if (day === undefined || !isDate(Number(year), Number(month), Number(day))) {
    throw new SelectionError(
      `${JSON.stringify(text)} is neither a time like 2026-01-31T12:00:00Z nor a duration like 2h`,
    );
  }
  return { at: offset === undefined ? `${text}${text.includes(":") ? "Z" : " 00:00Z"}` : text };
}

function isDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
