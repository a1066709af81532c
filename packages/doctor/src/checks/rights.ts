import type { Side } from "@centralcloud/postgres";
import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, error, ok } from "../finding.ts";

/** What the consumer can't do without, beside its queues. */
const needed: Readonly<Record<Side, { schemas: string[]; tables: string[]; functions: string[] }>> =
  {
    source: {
      schemas: ["public", "pgmq"],
      tables: ["public.singularity_source"],
      functions: ["pgmq.read", "pgmq.archive", "pgmq.send"],
    },
    central: {
      schemas: ["central"],
      tables: [],
      functions: [
        "central.register_source",
        "central.merge_patterns",
        "central.merge_sessions",
        "central.merge_knowledge",
      ],
    },
  };

/** Roles of people: whoever has one of them looks or acts, and is no consumer. */
const roleNames = ["centralcloud_operator", "centralcloud_viewer"];

/** Whether the consumer could work as the role that looks; people have roles of their own. */
export async function checkRights(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, side, server } = database;
  const [login] = await server.query<{ self: string; superuser: boolean }>(
    client,
    "select r.rolname as self, r.rolsuper as superuser from pg_roles r where r.rolname = current_user",
  );
  const { self = "", superuser = false } = login ?? {};
  if (superuser) {
    const advice = "for a consumer, a login that is a member of centralcloud_consumer is enough";
    return [ok(`${self} is a superuser; ${advice}`)];
  }
  const [person] = await server.query<{ role: string }>(
    client,
    `select r.rolname as role from pg_roles r
      where r.rolname in (${roleNames.map((name) => `'${name}'`).join(", ")}) and pg_has_role(r.oid, 'usage')
        and not exists (select from pg_roles c where c.rolname = 'centralcloud_consumer' and pg_has_role(c.oid, 'usage'))
      order by 1 limit 1`,
  );
  if (person !== undefined) {
    return [ok(`${self} is a member of ${person.role}; a consumer logs in as another role`)];
  }
  const { schemas, tables, functions } = needed[side];
  // By the catalogs: a name in a schema that is closed to us could not even be asked about.
  const { missing } = await readRow<{ missing: string[] }>(
    client,
    `select array(
       select 'usage on schema ' || n.nspname from pg_namespace n
        where n.nspname = any ($1) and not has_schema_privilege(n.oid, 'usage')
       union all
       select 'select on ' || w.name
         from unnest($2::text[]) as w (name)
         join pg_namespace n on n.nspname = split_part(w.name, '.', 1)
         join pg_class c on c.relnamespace = n.oid and c.relname = split_part(w.name, '.', 2)
        where not has_table_privilege(c.oid, 'select')
       union all
       select distinct 'execute on ' || w.name
         from unnest($3::text[]) as w (name)
         join pg_namespace n on n.nspname = split_part(w.name, '.', 1)
         join pg_proc p on p.pronamespace = n.oid and p.proname = split_part(w.name, '.', 2)
        where not has_function_privilege(p.oid, 'execute')) as missing`,
    [schemas, tables, functions],
  );
  if (missing.length === 0) return [ok(`${self} has what a consumer needs`)];
  const remedy = `grant centralcloud_consumer to ${self}`;
  return [error(`${self} can't be the consumer's: it lacks ${missing.join(", ")}`, remedy)];
}
