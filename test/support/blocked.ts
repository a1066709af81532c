import type { Pool } from "pg";

/**
 * Waits until a statement on the connection `pid` has ended, or waits for a lock that another holds.
 * `statement` may reject; whoever started it sees to that.
 */
export async function endedOrBlocked(
  observer: Pool,
  pid: number,
  statement: Promise<unknown>,
): Promise<"ended" | "blocked"> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  statement.then(end, end);
  for (;;) {
    const { rows } = await observer.query<{ blocked: boolean }>(
      "select pg_blocking_pids($1) <> '{}' as blocked",
      [pid],
    );
    if (ended) return "ended";
    if (rows[0]?.blocked) return "blocked";
  }
}
