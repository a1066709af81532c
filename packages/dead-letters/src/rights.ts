import { sqlState } from "@centralcloud/postgres";
import type { Pool } from "pg";
import { type ActingRole, MissingRightsError } from "./errors.ts";
import type { Place } from "./place.ts";

/** What is to be done with a table, or called. */
export type NeededRight =
  | {
      readonly table: string;
      /** To lock rows takes the right to update some column. */
      readonly privileges: readonly ("select" | "insert" | "update" | "delete")[];
    }
  | { readonly function: string };

/**
 * Asks the database whether the login may do what an action will take, before the first change.
 *
 * @param database its name for the operator.
 * @param role whose members may do it.
 * @throws {MissingRightsError}
 */
async function assertRights(
  pool: Pool,
  database: string,
  needed: readonly NeededRight[],
  role: ActingRole = "centralcloud_operator",
): Promise<void> {
  const pairs = needed.flatMap((right) =>
    "function" in right
      ? [{ object: right.function, privilege: "execute" }]
      : right.privileges.map((privilege) => ({ object: right.table, privilege })),
  );
  const { rows } = await pool
    .query<{ object: string; privilege: string; held: boolean }>(
      `select n.object, n.privilege,
              case n.privilege when 'execute' then has_function_privilege(n.object, 'execute')
                               when 'update' then has_any_column_privilege(n.object, 'update')
                               else has_table_privilege(n.object, n.privilege) end as held
         from unnest($1::text[], $2::text[]) as n (object, privilege)`,
      [pairs.map(({ object }) => object), pairs.map(({ privilege }) => privilege)],
    )
    .catch(async (error: { code?: string; message: string }) => {
      // The schema itself is closed to it.
      if (error.code !== sqlState.insufficientPrivilege) throw error;
      throw new MissingRightsError(
        database,
        await loginOf(pool),
        [`rights (${error.message})`],
        role,
      );
    });
  const missing = rows.filter(({ held }) => !held);
  if (missing.length === 0) return;
  const words = missing.map(({ object, privilege }) => {
    return `${privilege} on ${privilege === "execute" ? object.replace(/\(.*/, "") : object}`;
  });
  throw new MissingRightsError(database, await loginOf(pool), words, role);
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
  step: { readonly role?: ActingRole; needs(place: Place): readonly NeededRight[] },
  central: Pool,
): Promise<void> {
  await assertMayRecord(central);
  for (const place of places) {
    const needed = step.needs(place);
    const { pool, name } = place.source;
    await assertRights(pool, name, [...needed, ...partRights], step.role);
  }
}

/** The functions that tell its source how far an action is. */
const partRights: readonly NeededRight[] = [
  { function: "public.open_action_part(uuid, text, bigint, text, integer)" },
  { function: "public.lock_action_part(uuid, text, text)" },
  {
    function: "public.save_action_part(uuid, text, text, jsonb, timestamptz, bigint, integer)",
  },
  { function: "public.close_action_part(uuid, text, text)" },
];

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
