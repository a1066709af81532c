/** Between the epochs of Unix and PostgreSQL, in milliseconds. */
export const postgresEpochMs = 946_684_800_000;

/** Microseconds since 2000 as ISO 8601 in UTC, to the microsecond. */
export function formatMicroseconds(microseconds: bigint): string {
  const unix = microseconds + BigInt(postgresEpochMs) * 1000n;
  const seconds = new Date(Number(unix / 1000n)).toISOString().slice(0, -"Z".length);
  return `${seconds}${String(unix % 1000n).padStart(3, "0")}Z`;
}

/** A timestamp in UTC as PostgreSQL writes it, in the same form. */
export function formatTimestamp(text: string): string {
  const [, date, time, fraction = ""] =
    /^(\S+) ([\d:]+)(?:\.(\d+))?\+00$/.exec(text) ??
    fail(`${text} is no timestamp in UTC; is the stream's time zone set?`);
  return `${date}T${time}.${fraction.padEnd(6, "0")}Z`;
}

function fail(message: string): never {
  throw new Error(message);
}
