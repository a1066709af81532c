import type { Pool } from "pg";

/** Text of an object in an object and so on; the innermost value is 1. */
export function nested(levels: number): string {
  return `${'{"d":'.repeat(levels)}1${"}".repeat(levels)}`;
}

/** How many levels of nesting a server's jsonb reads: its stack decides. */
export async function deepestJson(pool: Pool): Promise<number> {
  let [fits, fails] = [500, 200_000];
  while (fails - fits > 1) {
    const levels = (fits + fails) >>> 1;
    const isRead = await pool
      .query("select $1::jsonb[]", [[nested(levels)]])
      .then(() => true)
      .catch(() => false);
    if (isRead) fits = levels;
    else fails = levels;
  }
  return fits;
}
