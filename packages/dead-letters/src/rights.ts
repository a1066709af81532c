import type { Pool } from "pg";
import { MissingRightsError } from "./errors.ts";

/** What is to be done with a table. */
export interface NeededRight {
  readonly table: string;
  readonly privileges: readonly ("select" | "insert" | "update" | "delete")[];
}

/**
 * Asks the database whether the login may do what an action will take, before the first change.
 *
 * @param database its name for the operator.
 * @throws {MissingRightsError}
 */
export async function assertRights(
  pool: Pool,
  database: string,
  needed: readonly NeededRight[],
): Promise<void> {
  const pairs = needed.flatMap(({ table, privileges }) =>
    privileges.map((privilege) => ({ table, privilege })),
  );
  const { rows } = await pool
    .query<{ table: string; privilege: string; held: boolean }>(
      `select n.table_name as table, n.privilege, has_table_privilege(n.table_name, n.privilege) as held
         from unnest($1::text[], $2::text[]) as n (table_name, privilege)`,
      [pairs.map(({ table }) => table), pairs.map(({ privilege }) => privilege)],
    )
    .catch(async (error: { code?: string; message: string }) => {
      // The schema itself is closed to it.
      if (error.code !== "42501") throw error;
      throw new MissingRightsError(database, await loginOf(pool), [`rights (${error.message})`]);
    });
  const missing = rows.filter(({ held }) => !held);
  if (missing.length === 0) return;
  const words = missing.map(({ table, privilege }) => `${privilege} on ${table}`);
  throw new MissingRightsError(database, await loginOf(pool), words);
}

async function loginOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ login: string }>("select current_user::text as login");
  return rows[0]?.login ?? "unknown";
}
