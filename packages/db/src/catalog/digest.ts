import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Side } from "@centralcloud/postgres";
import { type ClientBase, escapeLiteral } from "pg";
import { belongingsOf } from "../migrate/ownership.ts";
import { ownerRole } from "../migrate/roles.ts";
import { landedNameOf, recordSchema } from "../migrate/side.ts";
import { ourRoles, queuesOf } from "./catalog-query.ts";
import { manifestFileOf } from "./manifest.ts";
import { queryCatalogs, queryCatalogsTogether } from "./read-catalog.ts";
import { neededNames } from "./rights.ts";

/*
 * A comparison of a whole database takes forty milliseconds of its server, and most of the time nothing has changed
 * since the last one. The digest tells: it is of the versions (`xmin`) of all catalog rows that a comparison reads,
 * so any statement that changes one of them changes it, and nothing else does that happens by itself (vacuum, freezing, statistics,
 * a clone). A migration that found nothing to repair writes it down; whoever finds it unchanged need not compare.
 *
 * The digest has to be read before the comparison that it stands for: a change that comes between the two is then
 * in the comparison, or makes another digest, or both.
 */

/** What a database is now, and whether that has been compared already, and was as it should be. */
export interface CatalogState {
  readonly digest: string;
  readonly isKnown: boolean;
}

/**
 * Reads the digest of a database, and whether it is the one that a migration of this build wrote down. Two round trips, in the
 * caller's transaction or in one of its own.
 *
 * @returns undefined where this login may not see everything that it is made of, or where there is no place for it.
 */
export async function readCatalogState(
  side: Side,
  client: ClientBase,
): Promise<CatalogState | undefined> {
  return (await readCatalogStateWith(side, client, []))?.state;
}

/**
 * The same, and what other queries give of a database that was migrated, in the same two round trips.
 *
 * @param queries without parameters, for a search_path of `pg_catalog`.
 */
export async function readCatalogStateWith(
  side: Side,
  client: ClientBase,
  queries: readonly string[],
): Promise<
  | {
      readonly state: CatalogState | undefined;
      readonly others: readonly (readonly object[])[];
    }
  | undefined
> {
  const [condition] = await queryCatalogs<{ possible: boolean }>(client, conditionQuery(side));
  if (condition?.possible !== true) return undefined;
  const [states, ...others] = await queryCatalogsTogether(client, [stateQuery(side), ...queries]);
  return { state: (states as readonly CatalogState[] | undefined)?.[0], others };
}

/** Writes down that a database with this digest was compared, and is as it should be. In the caller's transaction. */
export async function recordDigest(side: Side, client: ClientBase, digest: string): Promise<void> {
  await client.query(
    `insert into ${recordSchema}.comparisons (plane, build, digest) values ($1, $2, $3)
     on conflict (plane) do update set build = excluded.build, digest = excluded.digest, compared_at = now()`,
    [landedNameOf(side), buildOf(side), digest],
  );
}

/** By side. */
const builds = new Map<Side, string>();

/** Another manifest, or another digest, is another comparison. */
function buildOf(side: Side): string {
  const known = builds.get(side);
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  hash.update(readFileSync(manifestFileOf(side))).update(digestExpression(side));
  const build = hash.digest("hex");
  builds.set(side, build);
  return build;
}

/** Whether this login may read the record, and jobs and queues, which are rows of tables, too. By catalogs alone. */
function conditionQuery(side: Side): string {
  const tables = [
    `('${recordSchema}', 'comparisons', array['plane', 'build', 'digest'])`,
    `('${recordSchema}', 'migrations', array['plane', 'name', 'created_at'])`,
    `('${recordSchema}', 'objects', array['plane', 'checksum'])`,
    ...(side === "central"
      ? []
      : [
          "('public', 'scheduled_jobs', array['job_name', 'schedule', 'function_name', 'step_function_name'])",
          "('pgmq', 'meta', array['queue_name'])",
        ]),
  ];
  return `
select count(*) = ${tables.length} as possible
  from (values ${tables.join(", ")}) as t (schema, name, columns)
  join pg_namespace n on n.nspname = t.schema and has_schema_privilege(n.oid, 'usage')
  join pg_class c on c.relname = t.name and c.relnamespace = n.oid and has_table_privilege(c.oid, 'select')
 where cardinality(t.columns) = (select count(*) from pg_attribute a
                                  where a.attrelid = c.oid and not a.attisdropped and a.attname = any (t.columns))`;
}

/**
 * The digest, and whether it is known. A record counts only where nobody but our owner can have written it: whoever
 * could write it could hide from every later look what he has changed.
 */
function stateQuery(side: Side): string {
  return `
select s.digest,
       exists (
         select from ${recordSchema}.comparisons c
          where c.plane::text = '${landedNameOf(side)}' and c.build::text = '${buildOf(side)}' and c.digest::text = s.digest
       ) and exists (
         select from pg_class c
           join pg_namespace n on n.oid = c.relnamespace
           join pg_roles o on o.rolname = '${ownerRole}' and o.oid = c.relowner and o.oid = n.nspowner
          where c.oid = '${recordSchema}.comparisons'::regclass
            and not exists (select from aclexplode(c.relacl) a where a.grantee <> o.oid and a.privilege_type <> 'SELECT')
            and not exists (select from aclexplode(n.nspacl) a where a.grantee <> o.oid and a.privilege_type = 'CREATE')
            and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attacl is not null)
       ) as "isKnown"
  from (${digestExpression(side)}) s`;
}

/** A sum for each catalog, which does not depend on the order of its rows; all of them in one value. */
function digestExpression(side: Side): string {
  const belongings = belongingsOf(side);
  const needed = neededNames(side);
  const withoutSchema = (name: string) => name.slice(name.indexOf(".") + 1);
  const relations = [
    ...[...belongings.relations, ...needed.tables].map(withoutSchema),
    ...queuesOf(side).flatMap((queue) => [`q_${queue}`, `a_${queue}`]),
    // Which columns it has tells which pgmq this is.
    ...(side === "source" ? ["message_record"] : []),
  ];
  const routines = [...belongings.functions, ...needed.functions].map(withoutSchema);
  // Wherever the extensions are.
  const ofExtensions = needed.functions.filter((name) => !name.includes("."));
  const schemas = [...belongings.schemas, "public", "pgmq"];
  const versions = (id: string) => `sum(hashint8extended((${id})::bigint, t.xmin::text::bigint))`;
  const records =
    side === "central"
      ? ""
      : `,
  (select sum(hashtextextended(concat(j.job_name, '|', j.schedule, '|', j.function_name, '|', j.step_function_name), 0))
     from public.scheduled_jobs j),
  (select sum(hashtextextended(m.queue_name, 0)) from pgmq.meta m)`;
  return `
with recursive role as (
  select r.oid from pg_roles r where r.rolname = any (${nameArray(ourRoles)})
   union
  select m.roleid from role join pg_auth_members m on m.member = role.oid
),
schema as materialized (
  select array(select n.oid from pg_namespace n where n.nspname = any (${nameArray(schemas)})) as oids
),
named as materialized (
  select array(select c.oid from pg_class c
                where c.relname = any (${nameArray(relations)}) and c.relnamespace = any (schema.oids)) as oids
    from schema
),
relation as materialized (
  select n.oids || array(select i.inhrelid from pg_inherits i where i.inhparent = any (n.oids)) as oids from named n
),
-- Indexes and sequences have rows of their own.
part as materialized (
  select array(select d.objid
                 from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'S'
                where d.refclassid = 'pg_class'::regclass and d.refobjid = any (r.oids)
                  and d.classid = 'pg_class'::regclass and d.deptype in ('i', 'a'))
         || array(select i.indexrelid from pg_index i where i.indrelid = any (r.oids)) as oids
    from relation r
),
routine as materialized (
  select array_agg(p.oid) as oids, array_agg(p.pronamespace) as schemas,
         sum(hashint8extended(p.oid::bigint, p.xmin::text::bigint)) as versions
    from schema, pg_proc p
   where p.proname = any (${nameArray(routines)})
     and (p.pronamespace = any (schema.oids) or p.proname = any (${nameArray(ofExtensions)}))
),
scope as materialized (
  select r.oids as relations, r.oids || part.oids as classes, p.oids as routines, p.schemas, p.versions,
         array(select oid from role) as roles
    from relation r, part, routine p
)
select md5(concat_ws(' ',
  cardinality(s.relations), s.versions,
  -- By what it says: refreshing a view, truncating, vacuum full and reindexing write the row anew.
  (select sum(hashtextextended(concat(c.relname, '|', c.relnamespace, '|', c.relkind, '|', c.relowner, '|', c.relacl, '|',
                                      c.relpersistence, c.relispartition, c.relispopulated, c.relrowsecurity,
                                      c.relforcerowsecurity, '|', c.reloptions), c.oid::bigint))
     from pg_class c where c.oid = any (s.classes)),
  (select ${versions("t.attrelid::bigint * 2000 + t.attnum")} from pg_attribute t where t.attrelid = any (s.relations)),
  (select ${versions("t.oid")} from pg_attrdef t where t.adrelid = any (s.relations)),
  (select ${versions("t.oid")} from pg_constraint t where t.conrelid = any (s.relations)),
  (select ${versions("t.indexrelid")} from pg_index t where t.indrelid = any (s.relations)),
  (select ${versions("t.oid")} from pg_trigger t where t.tgrelid = any (s.relations)),
  (select ${versions("t.oid")} from pg_rewrite t where t.ev_class = any (s.relations)),
  (select ${versions("t.seqrelid")} from pg_sequence t where t.seqrelid = any (s.classes)),
  (select ${versions("t.objid")} from pg_depend t
    where t.classid = 'pg_proc'::regclass and t.objid = any (s.routines) and t.deptype = 'e'),
  (select ${versions("t.oid")} from pg_namespace t
    where t.nspname = any (${nameArray(schemas)}) or t.oid = any (s.schemas)),
  (select ${versions("t.oid")} from pg_default_acl t),
  (select ${versions("t.oid")} from pg_extension t),
  (select ${versions("t.oid")} from pg_language t),
  (select sum(hashtextextended(concat(r.rolname, '|', r.rolsuper, r.rolinherit), r.oid::bigint))
     from pg_roles r where r.oid = any (s.roles)),
  (select ${versions("t.roleid::bigint << 32 | t.member::bigint")} from pg_auth_members t
    where t.member = any (s.roles)),
  (select concat(d.datdba, array(select a from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
                                  where a.grantee = 0 or a.grantee = any (s.roles) order by 1))
     from pg_database d where d.datname = current_database())${records}
)) as digest
  from scope s`;
}

/** As a constant: an array that has to be put together takes the planner longer. */
function nameArray(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name.replaceAll(/["\\]/g, "\\$&")}"`);
  return `${escapeLiteral(`{${quoted.join(",")}}`)}::name[]`;
}
