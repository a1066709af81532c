import { parseDuration } from "@centralcloud/service";
import { SelectionError } from "./errors.ts";

/** A moment: by itself, or so long before now, by the clock of the source. */
export type TimeBound = { readonly at: string } | { readonly secondsAgo: number };

const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(Z|[+-]\d\d(?::?[0-5]\d)?)?)?$/;

/** Whether a dead letter's own time is one that PostgreSQL takes, too; dead letters come from other clients as well. */
export function isDeadLetterTime(value: unknown): value is string {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(Z|[+-]\d\d:\d\d)$/;
  return typeof value === "string" && form.test(value) && !Number.isNaN(Date.parse(value));
}

/**
 * Reads `2026-01-31T12:00:00Z` (a date alone is its midnight; without an offset it is UTC), or a
 * duration before now such as `90s`, `15m`, `2h`, `1d12h`, `1w`.
 *
 * @throws {SelectionError}
 */
export function parseTimeBound(text: string): TimeBound {
  const secondsAgo = parseDuration(text);
  if (secondsAgo !== undefined) return { secondsAgo };
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
