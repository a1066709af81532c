import type { Side } from "@centralcloud/postgres";
import { type ClientBase, escapeLiteral } from "pg";

/** What a role of ours needs on something that is not ours. */
interface NeededRight {
  readonly role: string;
  readonly kind: "database" | "schema" | "table" | "function";
  /** Qualified, and unquoted; all functions of a name are meant. Empty for the database. */
  readonly name: string;
  readonly privileges: readonly string[];
}

/** A right on something that is not ours which a role of ours lacks, or has and should not. */
export interface RightsDifference {
  readonly role: string;
  /** Such as `schema public`. */
  readonly object: string;
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  /** How to repair it. */
  readonly statements: readonly string[];
}

const owner = "centralcloud_owner";
const consumer = "centralcloud_consumer";

/** The same as sql/singularity/grants gives, however it is given: to everybody will do. */
const needed: Readonly<Record<Side, readonly NeededRight[]>> = {
  central: [],
  source: [
    right(owner, "database", "", "create"),
    right(owner, "schema", "public", "usage", "create"),
    right(owner, "schema", "pgmq", "usage"),
    right(owner, "table", "pgmq.meta", "select"),
    right(owner, "table", "pgmq.notify_insert_throttle", "select", "update"),
    ...["format_table_name", "send", "send_batch"].map((name) => execute(owner, `pgmq.${name}`)),
    // Wherever the extensions are.
    ...[
      ...["pgp_pub_encrypt_bytea", "pgp_sym_encrypt_bytea", "hmac", "gen_random_bytes"],
      ...["crypto_box_seal", "gen_monotonic_ulid"],
    ].map((name) => execute(owner, name)),
    right(consumer, "schema", "public", "usage"),
    right(consumer, "schema", "pgmq", "usage"),
    ...["archive", "format_table_name", "list_queues", "read", "send"].map((name) =>
      execute(consumer, `pgmq.${name}`),
    ),
    right("centralcloud_application", "schema", "public", "usage"),
    right("centralcloud_application", "schema", "pgmq"),
    right("centralcloud_auditor", "schema", "public", "usage"),
    right("centralcloud_auditor", "schema", "pgmq"),
    right("centralcloud_jobs", "schema", "public", "usage"),
    right("centralcloud_jobs", "schema", "pgmq"),
    ...["centralcloud_operator", "centralcloud_viewer"].flatMap((role) => [
      right(role, "schema", "public", "usage"),
      right(role, "schema", "pgmq", "usage"),
    ]),
  ],
};

function right(
  role: string,
  kind: NeededRight["kind"],
  name: string,
  ...privileges: readonly string[]
): NeededRight {
  return { role, kind, name, privileges };
}

function execute(role: string, name: string): NeededRight {
  return right(role, "function", name, "execute");
}

/** The tables and functions, and how they are named, on which the comparison of rights looks. */
export function neededNames(side: Side): {
  readonly tables: readonly string[];
  readonly functions: readonly string[];
} {
  const namesOf = (kind: NeededRight["kind"]) => [
    ...new Set(needed[side].filter((right) => right.kind === kind).map(({ name }) => name)),
  ];
  return { tables: namesOf("table"), functions: namesOf("function") };
}

/**
 * What roles of ours lack on objects of others, and what they were granted there and should not have been: the
 * right to create, and rights on pgmq's tables. Whoever lets them connect or use a schema may.
 */
export async function compareRights(
  side: Side,
  client: ClientBase,
): Promise<readonly RightsDifference[]> {
  if (needed[side].length === 0) return [];
  const { rows } = await client.query<RightsDifference>(rightsQuery(needed[side]));
  return rows;
}

function rightsQuery(rights: readonly NeededRight[]): string {
  return `
with needed as (
  select n.*, r.oid as role_id
    from jsonb_to_recordset(${escapeLiteral(JSON.stringify(rights))}::jsonb)
         as n (role text, kind text, name text, privileges text[])
    join pg_roles r on r.rolname = n.role
),
target as (
  select n.role, n.role_id, n.privileges, 'database' as kind, d.oid, format('database %I', d.datname) as object,
         d.datacl as acl
    from needed n join pg_database d on n.kind = 'database' and d.datname = current_database()
   union all
  select n.role, n.role_id, n.privileges, n.kind, s.oid, format('schema %I', s.nspname), s.nspacl
    from needed n join pg_namespace s on n.kind = 'schema' and s.nspname = n.name
   union all
  select n.role, n.role_id, n.privileges, n.kind, c.oid, format('table %I.%I', s.nspname, c.relname), c.relacl
    from needed n
    join pg_namespace s on n.kind = 'table' and s.nspname = split_part(n.name, '.', 1)
    join pg_class c on c.relnamespace = s.oid and c.relname = split_part(n.name, '.', 2)
   union all
  select n.role, n.role_id, n.privileges, n.kind, p.oid,
         format('function %I.%I(%s)', s.nspname, p.proname, oidvectortypes(p.proargtypes)), null
    from needed n
    join pg_proc p on n.kind = 'function' and p.proname = split_part(n.name, '.', case when n.name like '%.%' then 2 else 1 end)
    join pg_namespace s on s.oid = p.pronamespace
   where n.name = s.nspname || '.' || p.proname
      or n.name = p.proname and exists (select from pg_depend d
                                         where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
),
-- A function can be called only where its schema can be used.
reachable as (
  select t.* from target t
   union
  select t.role, t.role_id, array['usage'], 'schema', s.oid, format('schema %I', s.nspname), null
    from target t
    join pg_proc p on t.kind = 'function' and p.oid = t.oid
    join pg_namespace s on s.oid = p.pronamespace and s.nspname not in ('public', 'pgmq')
),
compared as (
  select t.role, t.kind, t.object,
         array(select p from unnest(t.privileges) p
                where not case t.kind when 'database' then has_database_privilege(t.role_id, t.oid, p)
                                      when 'schema' then has_schema_privilege(t.role_id, t.oid, p)
                                      when 'table' then has_table_privilege(t.role_id, t.oid, p)
                                      else has_function_privilege(t.role_id, t.oid, p) end) as missing,
         array(select distinct lower(a.privilege_type) from aclexplode(t.acl) a
                where a.grantee = t.role_id and not lower(a.privilege_type) = any (t.privileges)
                  and (t.kind = 'table' or a.privilege_type = 'CREATE')
                order by 1) as extra
    from reachable t
)
-- Functions of one name are one thing.
select c.role, case c.kind when 'function' then regexp_replace(c.object, '\\(.*', '') else c.object end as object,
       c.missing, c.extra,
       array_agg(
         case when c.missing <> '{}' then format('grant %s on %s to %I', array_to_string(c.missing, ', '), c.object, c.role)
              else format('revoke %s on %s from %I', array_to_string(c.extra, ', '), c.object, c.role) end
         order by c.object) as statements
  from (
    select c.role, c.kind, c.object, c.missing, '{}'::text[] as extra from compared c where c.missing <> '{}'
     union all
    select c.role, c.kind, c.object, '{}', c.extra from compared c where c.extra <> '{}'
  ) c
 group by c.role, 2, c.missing, c.extra
 order by 2, c.role`;
}
