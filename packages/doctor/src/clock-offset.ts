import type { ClientBase } from "pg";

/** Between these two the clock of a database is ahead of this machine's; in milliseconds. */
export interface ClockOffset {
  readonly least: number;
  readonly most: number;
}

/** Round trips at most, and how narrow the bounds are that need no further one, in milliseconds. */
const roundTrips = 5;
const narrowMs = 100;

/**
 * How far a database's clock is ahead of this machine's. It was read somewhere between question and answer,
 * so each round trip gives bounds, and all of them together the narrowest.
 */
export async function measureClock(client: ClientBase): Promise<ClockOffset> {
  let [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let count = 0; count < roundTrips; count += 1) {
    const askedAt = Date.now();
    const { rows } = await client.query<{ ms: number }>(
      "select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms",
    );
    const answeredAt = Date.now();
    const ms = rows[0]?.ms ?? askedAt;
    // Date.now() has dropped the fraction of a millisecond.
    least = Math.max(least, ms - answeredAt - 1);
    most = Math.min(most, ms - askedAt + 1);
    if (most - least <= narrowMs) break;
  }
  return { least, most };
}

/** What is certain about an offset: nothing while zero lies within its bounds. */
export function certainOffset({ least, most }: ClockOffset): number {
  if (least > 0) return least;
  return most < 0 ? most : 0;
}
