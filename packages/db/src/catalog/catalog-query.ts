import type { Side } from "@centralcloud/postgres";
import { escapeLiteral } from "pg";
import { namesOfObjects } from "../migrate/objects.ts";
import { belongingsOf } from "../migrate/ownership.ts";
import { rolesOf } from "../migrate/roles.ts";

/** Every role of ours, whichever database it works on. */
export const ourRoles: readonly string[] = [...new Set(Object.values(rolesOf).flat())];

/** The queues of a Singularity database, each with its dead-letter queue. */
export function queuesOf(side: Side): readonly string[] {
  return namesOfObjects(side, "queues").flatMap((queue) => [queue, `${queue}-dlq`]);
}

/** The queue to which a table, sequence or registration belongs, without the suffix of its dead letters. */
export function queueOfObject(object: string): string | undefined {
  const table = /^(?:table|sequence) pgmq\."?[aq]_(.*?)(?:_msg_id_seq)?"?$/.exec(object)?.[1];
  return (table ?? /^queue (.*)$/.exec(object)?.[1])?.replace(/-dlq$/, "");
}

/**
 * One row a fact about an object of ours: `object`, `property`, `value`. It reads catalogs only, which are open
 * to every role. What it says of an object is the same in PostgreSQL 15 to 18 where the object is the same, as
 * long as search_path is `pg_catalog`. Of pgmq's tables it says only what we rely on.
 */
export function catalogQuery(side: Side): string {
  const { schemas, relations, functions } = belongingsOf(side);
  const tables = queuesOf(side).flatMap((queue) => [`q_${queue}`, `a_${queue}`]);
  return `
with our_role as (
  select r.oid, r.rolname as name from pg_roles r where r.rolname = any (${textArray(ourRoles)})
),
relation as (
  select c.*, n.nspname = 'pgmq' as is_queue,
         format('%s %I.%I', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
                n.nspname, c.relname) as object
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm')
     and (n.nspname || '.' || c.relname = any (${textArray(relations)})
          or n.nspname = 'pgmq' and c.relname = any (${textArray(tables)})
          or c.relispartition and exists (
               select from pg_inherits i
                 join pg_class t on t.oid = i.inhparent
                 join pg_namespace tn on tn.oid = t.relnamespace
                where i.inhrelid = c.oid and tn.nspname || '.' || t.relname = any (${textArray(relations)})))
),
sequence as (
  select s.oid, s.relowner, s.relacl, r.is_queue, 'sequence ' || s.oid::regclass as object
    from relation r
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = r.oid
                    and d.classid = 'pg_class'::regclass and d.deptype in ('i', 'a')
    join pg_class s on s.oid = d.objid and s.relkind = 'S'
),
routine as (
  select p.*, case p.prokind when 'p' then 'procedure ' else 'function ' end || p.oid::regprocedure as object
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
   where n.nspname || '.' || p.proname = any (${textArray(functions)})
     -- A function that an extension brought is the extension's, whatever its name.
     and not exists (select from pg_depend d
                      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
),
secured as (
  select r.object, r.oid, 'r'::"char" as type, r.relowner as owner, r.relacl as acl, r.relispartition as is_partition
    from relation r
   union all
  select s.object, s.oid, 's', s.relowner, s.relacl, false from sequence s
   union all
  select p.object, p.oid, 'f', p.proowner, p.proacl, false from routine p
   union all
  select format('schema %I', n.nspname), n.oid, 'n', n.nspowner, n.nspacl, false
    from pg_namespace n where n.nspname = any (${textArray(schemas)})
),
granted as (
  select s.object, coalesce(r.name, 'public') as grantee,
         lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end as privilege
    from secured s
   cross join lateral aclexplode(coalesce(s.acl, acldefault(s.type, s.owner))) a
    left join our_role r on r.oid = a.grantee
   where a.grantee <> s.owner and (a.grantee = 0 or r.oid is not null)
   union
  select s.object, coalesce(r.name, 'public'),
         format('%s (%I)%s', lower(a.privilege_type), c.attname,
                case when a.is_grantable then ' with grant option' else '' end)
    from secured s
    join pg_attribute c on c.attrelid = s.oid and s.type = 'r' and c.attnum > 0 and not c.attisdropped
   cross join lateral aclexplode(c.attacl) a
    left join our_role r on r.oid = a.grantee
   where a.grantee <> s.owner and (a.grantee = 0 or r.oid is not null)
)
select 'role ' || r.name as object, 'exists' as property, 'yes' as value from our_role r
 union all
select 'session', 'reads records', 'yes'
 where has_table_privilege(to_regclass('public.scheduled_jobs'), 'select')
   and (select count(*) = 4 from pg_attribute a
         where a.attrelid = to_regclass('public.scheduled_jobs') and not a.attisdropped
           and a.attname in ('job_name', 'schedule', 'function_name', 'step_function_name'))
   and has_schema_privilege(to_regnamespace('pgmq'), 'usage') and has_table_privilege(to_regclass('pgmq.meta'), 'select')
 union all
select s.object, 'owner', s.owner::regrole::text from secured s where not s.is_partition
 union all
select g.object, 'grants to ' || g.grantee, string_agg(g.privilege, ', ' order by g.privilege)
  from granted g
 group by g.object, g.grantee
 union all
select s.object, 'grants to its owner',
       case when bool_and(h.privilege_type is not null) then 'all'
            else coalesce(string_agg(lower(h.privilege_type), ', ' order by h.privilege_type), 'none') end
  from secured s
 cross join lateral aclexplode(acldefault(s.type, s.owner)) d
  left join lateral (
    select a.privilege_type
      from aclexplode(coalesce(s.acl, acldefault(s.type, s.owner))) a
     where a.grantee = s.owner and a.privilege_type = d.privilege_type
     limit 1
  ) h on true
 where d.grantee = s.owner and not s.is_partition
 group by s.object
 union all
select r.object, 'kind', case r.relkind when 'p' then 'partitioned by ' || pg_get_partkeydef(r.oid) else 'plain' end
  from relation r where r.relkind in ('r', 'p') and not r.relispartition
 union all
select r.object, 'storage', case r.relpersistence when 'p' then 'logged' else 'unlogged' end
  from relation r where r.relkind <> 'v' and not (r.relispartition and r.relpersistence = 'p')
 union all
select r.object, 'row level security',
       case when r.relforcerowsecurity then 'forced'
            when r.relrowsecurity and r.object !~ '^table public[.](?!singularity_source)' then 'on'
            else 'off' end
  from relation r where r.relkind in ('r', 'p') and not (r.relispartition and not r.relrowsecurity)
 union all
select r.object, 'option ' || o.option_name, o.option_value
  from relation r cross join lateral pg_options_to_table(r.reloptions) o
 union all
select r.object, format('column %I', a.attname),
       format_type(a.atttypid, a.atttypmod)
       || case when a.attcollation <> t.typcollation then ' collate ' || a.attcollation::regcollation else '' end
       || case when a.attidentity = 'a' then ' generated always as identity'
               when a.attidentity = 'd' then ' generated by default as identity'
               when a.attgenerated <> '' then format(' generated always as (%s) %s', pg_get_expr(d.adbin, d.adrelid),
                                                     case a.attgenerated when 's' then 'stored' else 'virtual' end)
               when d.oid is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid)
               else '' end
       || case when a.attnotnull then ' not null' else '' end
  from relation r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where r.relkind in ('r', 'p') and not r.relispartition and (not r.is_queue or a.attname = 'msg_id')
 union all
select s.object, 'settings',
       format('increment %s minvalue %s maxvalue %s start %s cache %s %s', q.seqincrement, q.seqmin, q.seqmax, q.seqstart,
              q.seqcache, case when q.seqcycle then 'cycle' else 'no cycle' end)
  from sequence s join pg_sequence q on q.seqrelid = s.oid
 union all
select r.object, format('constraint %I', k.conname), pg_get_constraintdef(k.oid)
  from relation r join pg_constraint k on k.conrelid = r.oid
 where r.relkind in ('r', 'p') and not r.relispartition and k.contype in ('c', 'p', 'u', 'x', 'f')
 union all
select r.object, format('index %I', x.relname),
       case when i.indisvalid and i.indisready then '' else 'invalid: ' end || pg_get_indexdef(i.indexrelid)
  from relation r
  join pg_index i on i.indrelid = r.oid
  join pg_class x on x.oid = i.indexrelid
 where not r.relispartition
   and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
 union all
select r.object, format('trigger %I', t.tgname),
       case t.tgenabled when 'O' then 'enabled' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end
       || ': ' || pg_get_triggerdef(t.oid)
  from relation r join pg_trigger t on t.tgrelid = r.oid
 where not t.tgisinternal and not r.relispartition
 union all
-- PostgreSQL 16 and later leave qualifications out that 15 writes. What it reads from is said by itself.
select r.object, 'definition',
       md5(regexp_replace(pg_get_viewdef(r.oid), '\\m[a-z_][a-z0-9_]*\\.|[[:space:]()]', '', 'g'))
       || ' of ' || (select string_agg(distinct d.refobjid::regclass::text, ', ' order by d.refobjid::regclass::text)
                       from pg_rewrite w
                       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                                       and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.oid
                      where w.ev_class = r.oid)
  from relation r where r.relkind in ('v', 'm')
 union all
select r.object, 'content', case when r.relispopulated then 'filled' else 'never filled' end
  from relation r where r.relkind = 'm'
 union all
select p.object, 'definition',
       md5(concat_ws(chr(10), ${withoutSchemaOfPgcrypto}, l.lanname, p.prokind, pg_get_function_result(p.oid),
                     pg_get_function_arguments(p.oid)))
  from routine p join pg_language l on l.oid = p.prolang
 union all
select p.object, 'settings',
       concat_ws(', ', case when p.prosecdef then 'security definer' else 'security invoker' end,
                 case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                 'parallel ' || case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
                 case when p.proisstrict then 'strict' end, case when p.proleakproof then 'leakproof' end,
                 'cost ' || p.procost, case when p.proretset then 'rows ' || p.prorows end,
                 (select string_agg(c, ', ' order by c) from unnest(p.proconfig) c))
  from routine p
 union all
select 'schema pgmq', 'default grants on tables to centralcloud_owner',
       string_agg(distinct lower(a.privilege_type), ', ' order by lower(a.privilege_type))
  from pg_default_acl d
 cross join lateral aclexplode(d.defaclacl) a
  join our_role r on r.oid = a.grantee and r.name = 'centralcloud_owner'
 where d.defaclnamespace = to_regnamespace('pgmq') and d.defaclobjtype = 'r' and ${side === "source"}
having count(*) > 0`;
}

/** A function's text that is the same wherever pgcrypto is: its schema is written into functions that deal with secrets. */
const withoutSchemaOfPgcrypto = `coalesce(
         (select regexp_replace(p.prosrc,
                   '(?<![[:alnum:]_$".])' || regexp_replace(quote_ident(n.nspname), '([^[:alnum:]_])', '\\\\\\1', 'g')
                   || '[.](hmac|gen_random_bytes|pgp_[a-z_]+)[(]', 'pgcrypto.\\1(', 'g')
            from pg_extension e join pg_namespace n on n.oid = e.extnamespace
           where e.extname = 'pgcrypto'), p.prosrc)`;

/** What a Singularity database keeps in rows, in the same form: its jobs, and the queues that pgmq knows. */
export const recordsQuery = `
select 'job ' || j.job_name as object, 'runs' as property, concat_ws(' ', j.function_name, 'at', j.schedule, 'in steps of ' || j.step_function_name) as value
  from public.scheduled_jobs j
 union all
select 'queue ' || m.queue_name, 'registered', 'yes' from pgmq.meta m`;

function textArray(values: readonly string[]): string {
  return `array[${values.map((value) => escapeLiteral(value)).join(", ")}]::text[]`;
}
