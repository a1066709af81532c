import type { Side } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { readTableNames } from "./journal.ts";
import { namesOfObjects } from "./objects.ts";
import { ownerRole } from "./roles.ts";
import { recordSchema } from "./side.ts";

/** What is ours in a database, whoever made it. */
interface Belongings {
  readonly schemas: readonly string[];
  readonly relations: readonly string[];
  readonly functions: readonly string[];
}

/** Applications may keep tables and functions of their own in `public`, so ours are known by name. */
export function belongingsOf(side: Side): Belongings {
  const schema = side === "source" ? "public" : "central";
  const qualified = (name: string) => `${schema}.${name}`;
  return {
    schemas: side === "source" ? [recordSchema] : [recordSchema, schema],
    relations: [
      ...readTableNames(side),
      ...namesOfObjects(side, "views").map(qualified),
      `${recordSchema}.migrations`,
      `${recordSchema}.objects`,
      `${recordSchema}.comparisons`,
    ],
    functions: namesOfObjects(side, "functions").map(qualified),
  };
}

/**
 * Functions that the indexes of pgmq's tables run: as the owner of those tables, whenever the server analyzes one. So they
 * belong to whoever made the tables; a member of `centralcloud_owner` could else become that role by replacing one.
 */
const functionsOfIndexes: readonly string[] = ["public.dead_letter_fingerprint"];

/** One statement for each object of ours that `centralcloud_owner` does not own; none without that role. */
export async function ownershipStatements(
  side: Side,
  client: ClientBase,
): Promise<readonly string[]> {
  const { schemas, relations, functions } = belongingsOf(side);
  const { rows } = await client.query<{ statement: string }>(
    `with owner as (select r.oid from pg_roles r where r.rolname = $4),
     foreign_object as (
       select 1 as turn, 'schema' as kind, quote_ident(n.nspname) as name
         from pg_namespace n, owner o
        where n.nspname = any ($1) and n.nspowner <> o.oid
       union all
       select 2, case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
              format('%I.%I', n.nspname, c.relname)
         from pg_class c join pg_namespace n on n.oid = c.relnamespace, owner o
        where c.relkind in ('r', 'p', 'v', 'm') and c.relowner <> o.oid
          and (n.nspname || '.' || c.relname = any ($2)
               -- A partition of ours, which has a name of its own.
               or c.relispartition and exists (
                    select from pg_inherits i
                      join pg_class t on t.oid = i.inhparent
                      join pg_namespace tn on tn.oid = t.relnamespace
                     where i.inhrelid = c.oid and tn.nspname || '.' || t.relname = any ($2)))
       union all
       select 3, case p.prokind when 'p' then 'procedure' else 'function' end,
              format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace, owner o
        where p.proowner <> o.oid and n.nspname || '.' || p.proname = any ($3)
          -- A function that an extension brought is the extension's, whatever its name.
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
     )
     select format('alter %s %s owner to %I', f.kind, f.name, $4::text) as statement
       from foreign_object f order by f.turn, f.name`,
    [schemas, relations, functions.filter((name) => !functionsOfIndexes.includes(name)), ownerRole],
  );
  return rows.map(({ statement }) => statement);
}

/**
 * Gives all of it to `centralcloud_owner`, or none: where this role may not, the objects stay with
 * whoever owns them, and the functions that run with their owner's rights run with theirs.
 *
 * @returns why not, or undefined.
 */
export async function giveToOwner(side: Side, client: ClientBase): Promise<string | undefined> {
  const statements = await ownershipStatements(side, client);
  if (statements.length === 0) return undefined;
  await client.query("savepoint ownership");
  try {
    for (const statement of statements) await client.query(statement);
    await client.query("release savepoint ownership");
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== "42501") throw error;
    await client.query("rollback to savepoint ownership; release savepoint ownership");
    return `${statements.length} objects don't belong to ${ownerRole}: ${message}`;
  }
}
