import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import { captureName } from "./slot-name.ts";

/**
 * Makes the publication or brings it up to date. Gives whether anything was changed.
 *
 * @throws where a table can't be captured, or this role may not publish it; the message says why.
 */
export async function publish(source: Pool, tables: CapturedTables): Promise<boolean> {
  const { rows } = await source.query<{ changed: boolean }>(
    "select public.publish_for_capture(p_tables => $1, p_left_out => $2) as changed",
    [tables.names, tables.leftOut],
  );
  return rows[0]?.changed ?? false;
}

export async function isPublished(source: Pool): Promise<boolean> {
  const { rows } = await source.query<{ found: boolean }>(
    "select exists (select from pg_publication where pubname = $1) as found",
    [captureName],
  );
  return rows[0]?.found ?? false;
}

export async function endPublication(source: Pool): Promise<void> {
  await source.query("select public.end_publication()");
}
