import { sqlState } from "@centralcloud/postgres";
import type { Pool } from "pg";
import { MissingRightsError } from "./errors.ts";
import type { Place } from "./place.ts";

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
      if (error.code !== sqlState.insufficientPrivilege) throw error;
      throw new MissingRightsError(database, await loginOf(pool), [`rights (${error.message})`]);
    });
  const missing = rows.filter(({ held }) => !held);
  if (missing.length === 0) return;
  const words = missing.map(({ table, privilege }) => `${privilege} on ${table}`);
  throw new MissingRightsError(database, await loginOf(pool), words);
}

/** The functions that actions are recorded and run by. */
const actionFunctions = [
  "central.plan_operator_action(text, text, text, jsonb, jsonb, text, text, double precision, integer, text)",
  "central.claim_operator_action(bigint, text, interval)",
  "central.report_operator_action(bigint, text, interval, jsonb, text)",
  "central.release_operator_action(bigint, text, text, text)",
  "central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[])",
] as const;

/** Whether the login may act at all of the places, and have it recorded. @throws {MissingRightsError} */
export async function assertMayAct(
  places: readonly Place[],
  step: { needs(place: Place): readonly NeededRight[] },
  central: Pool,
): Promise<void> {
  await assertMayRecord(central);
  for (const place of places) {
    const needed = step.needs(place);
    await assertRights(place.source.pool, place.source.name, [...needed, progressRight]);
  }
}

/** How far an action is, at its source. */
const progressRight: NeededRight = {
  table: "public.operator_action_progress",
  privileges: ["select", "insert", "update"],
};

/** @throws {MissingRightsError} where the login may not have an action recorded. */
export async function assertMayRecord(central: Pool): Promise<void> {
  const { rows } = await central.query<{ missing: string }>(
    `select split_part(f.name, '(', 1) as missing
       from unnest($1::text[]) f (name)
      where not has_schema_privilege('central', 'usage') or not has_function_privilege(f.name, 'execute')`,
    [actionFunctions],
  );
  if (rows.length === 0) return;
  const words = rows.map(({ missing }) => `execute on ${missing}`);
  throw new MissingRightsError("the central database", await loginOf(central), words);
}

async function loginOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ login: string }>("select current_user::text as login");
  return rows[0]?.login ?? "unknown";
}
