import { codeOf, sqlState } from "@centralcloud/postgres";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import { PublicationForbiddenError, TablesRefusedError } from "../errors.ts";
import { captureName } from "./capture-slot.ts";

/** A captured table that was asked for, or was published. */
export interface ExaminedTable {
  readonly name: string;
  /** Why it can't be captured; null where it can. */
  readonly problem: string | null;
  /** What was done to the publication for it. */
  readonly change: "added" | "removed" | "altered" | null;
}

/** Which of the tables can be captured, whatever the output plugin. Changes nothing. */
export async function examineTables(
  source: Pool,
  { names, leftOut }: CapturedTables,
): Promise<readonly ExaminedTable[]> {
  const { rows } = await source.query<ExaminedTable>(
    `select t.name, t.problem, null as change
       from public.examine_captured_tables(p_tables => $1, p_left_out => $2) t
      order by t.name`,
    [names, leftOut],
  );
  return rows;
}

/** @throws {TablesRefusedError} where one of the tables can't be captured. */
export async function assertCapturable(source: Pool, tables: CapturedTables): Promise<void> {
  const refused = (await examineTables(source, tables)).filter(({ problem }) => problem !== null);
  if (refused.length > 0) throw new TablesRefusedError(refused);
}

/**
 * Brings the publication up to date: a table that can't be captured is taken out.
 *
 * @param create makes it where there is none.
 * @throws {PublicationForbiddenError} where the owner of our functions may not create in the database.
 * @throws where this role may not publish a table, or somebody holds a lock on it.
 */
export async function publish(
  source: Pool,
  { names, leftOut }: CapturedTables,
  create: boolean,
): Promise<readonly ExaminedTable[]> {
  try {
    const { rows } = await source.query<ExaminedTable>(
      `select t.name, t.problem, t.change
         from public.publish_for_capture(p_tables => $1, p_left_out => $2, p_create => $3) t`,
      [names, leftOut, create],
    );
    return rows;
  } catch (error) {
    const isForbidden = codeOf(error) === sqlState.insufficientPrivilege;
    throw isForbidden && !(await ownerMayCreate(source))
      ? new PublicationForbiddenError(error)
      : error;
  }
}

/** A publication is made in the database, with the rights of the owner of our functions. */
async function ownerMayCreate(source: Pool): Promise<boolean> {
  const { rows } = await source.query<{ may: boolean }>(
    `select bool_and(has_database_privilege(p.proowner, current_database(), 'create')) as may
       from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname = 'publish_for_capture'`,
  );
  return rows[0]?.may ?? true;
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
