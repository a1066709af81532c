import type { ClientBase } from "pg";
import type { CheckedDatabase } from "../check.ts";
import { ok, type Verdict, warning } from "../finding.ts";

/** Between these two the clock of a database is ahead of this machine's; in milliseconds. */
export interface ClockOffset {
  readonly least: number;
  readonly most: number;
}

const roundTrips = 5;

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
  }
  return { least, most };
}

/** What is certain about an offset: nothing while zero lies within its bounds. */
export function certainOffset({ least, most }: ClockOffset): number {
  if (least > 0) return least;
  return most < 0 ? most : 0;
}

/** Whether the database's clock agrees with this machine's. */
export async function checkClock({ client, limits }: CheckedDatabase): Promise<Verdict[]> {
  const offset = await measureClock(client);
  const certain = certainOffset(offset);
  if (Math.abs(certain) <= limits.clockMs)
    return [ok(`its clock agrees with ours, ${bounds(offset)}`)];
  const direction = certain > 0 ? "ahead of" : "behind";
  return [
    warning(
      `its clock is ${seconds(Math.abs(certain))} s ${direction} this machine's, at least (${bounds(offset)})`,
      "synchronize both with the same time servers (chronyd, systemd-timesyncd); timedatectl says which one is off",
    ),
  ];
}

/** Whether the clocks of the databases agree with each other, whatever this machine's says. */
export async function checkClocks(
  databases: readonly CheckedDatabase[],
): Promise<{ database: CheckedDatabase; verdict: Verdict }[]> {
  const central = databases.find(({ plane }) => plane === "central");
  if (central === undefined) return [];
  const reference = await measureClock(central.client);
  const results: { database: CheckedDatabase; verdict: Verdict }[] = [];
  for (const database of databases.filter((one) => one !== central)) {
    const own = await measureClock(database.client);
    const certain = certainOffset({
      least: own.least - reference.most,
      most: own.most - reference.least,
    });
    if (Math.abs(certain) <= database.limits.clockMs) continue;
    const direction = certain > 0 ? "ahead of" : "behind";
    const verdict = warning(
      `its clock is ${seconds(Math.abs(certain))} s ${direction} that of the central database, at least`,
      "synchronize both servers with the same time servers (chronyd, systemd-timesyncd)",
    );
    results.push({ database, verdict });
  }
  return results;
}

function bounds({ least, most }: ClockOffset): string {
  return `${Math.floor(least)} to ${Math.ceil(most)} ms ahead`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);
}
