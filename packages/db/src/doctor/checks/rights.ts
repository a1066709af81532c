import type { Plane } from "../../migrate/plane.ts";
import { type CheckedDatabase, readRow } from "../check.ts";
import { error, ok, type Verdict } from "../finding.ts";

/** What the consumer can't do without, beside its queues. */
const needed: Readonly<
  Record<Plane, { schemas: string[]; tables: string[]; functions: string[] }>
> = {
  singularity: {
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

/** Whether the consumer could work as the role that looks. */
export async function checkRights({ client, plane }: CheckedDatabase): Promise<Verdict[]> {
  const { schemas, tables, functions } = needed[plane];
  // By the catalogs: a name in a schema that is closed to us could not even be asked about.
  const { self, superuser, missing } = await readRow<{
    self: string;
    superuser: boolean;
    missing: string[];
  }>(
    client,
    `select r.rolname as self, r.rolsuper as superuser, array(
              select 'usage on schema ' || n.nspname from pg_namespace n
               where n.nspname = any ($1) and not has_schema_privilege(n.oid, 'usage')
              union all
              select 'select on ' || n.nspname || '.' || c.relname
                from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname || '.' || c.relname = any ($2) and not has_table_privilege(c.oid, 'select')
              union all
              select distinct 'execute on ' || n.nspname || '.' || p.proname
                from pg_proc p join pg_namespace n on n.oid = p.pronamespace
               where n.nspname || '.' || p.proname = any ($3) and not has_function_privilege(p.oid, 'execute')
            ) as missing
       from pg_roles r where r.rolname = current_user`,
    [schemas, tables, functions],
  );
  if (superuser) {
    const advice = "for a consumer, a login that is a member of centralcloud_consumer is enough";
    return [ok(`${self} is a superuser; ${advice}`)];
  }
  if (missing.length === 0) return [ok(`${self} has what a consumer needs`)];
  const remedy = `grant centralcloud_consumer to ${self}`;
  return [error(`${self} can't be the consumer's: it lacks ${missing.join(", ")}`, remedy)];
}
