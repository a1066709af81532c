/** Between the epochs of Unix and PostgreSQL, in milliseconds. */
export const postgresEpochMs = 946_684_800_000;

/** Times of a server are between these years, by whatever clock; others are no time, and no database of ours could keep them. */
const years = { first: 1970, last: 9_999 };

/** Microseconds since 2000 as ISO 8601 in UTC, to the microsecond. */
export function formatMicroseconds(microseconds: bigint): string {
  const unix = microseconds + BigInt(postgresEpochMs) * 1000n;
  const isTime = unix >= 0n && unix < BigInt(Date.UTC(years.last + 1, 0)) * 1000n;
  if (!isTime)
    fail(`the server's clock shows a time outside of the years ${years.first} to ${years.last}`);
  const seconds = new Date(Number(unix / 1000n)).toISOString().slice(0, -"Z".length);
  return `${seconds}${String(unix % 1000n).padStart(3, "0")}Z`;
}

/** A timestamp in UTC as PostgreSQL writes it, in the same form. */
export function formatTimestamp(text: string): string {
  const [, date, time, fraction = ""] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text) ??
    fail(`${text} is no timestamp in UTC; is the stream's time zone set?`);
  return `${date}T${time}.${fraction.padEnd(6, "0")}Z`;
}

function fail(message: string): never {
  throw new Error(message);
}
