import type { Pool } from "pg";

/**
 * Everything about a database's structure that its catalogs tell, one line a fact, in an order that
 * does not depend on how it came about. Two databases with the same lines work the same.
 * Left out: what pgmq's own objects look like, and what records when migrations ran.
 */
export async function describeDatabase(database: Pool): Promise<string[]> {
  const { rows } = await database.query<{ fact: string }>(`
    with ours as (
      select c.* from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname in ('public', 'central', 'centralcloud_migrations')
          or (n.nspname = 'pgmq' and c.relname ~ '^[aq]_' and c.relkind = 'r')
    )
    select format('schema %s acl %s owner %s', n.nspname,
                  array(select a.item::text from unnest(n.nspacl) a (item) order by 1), n.nspowner::regrole) as fact from pg_namespace n
     where n.nspname in ('public', 'central', 'centralcloud_migrations', 'pgmq')
    union all
    select format('default acl in %s of %s for %s: %s', d.defaclnamespace::regnamespace, d.defaclrole::regrole,
                  d.defaclobjtype, d.defaclacl) from pg_default_acl d
    union all
    select format('relation %s kind %s options %s acl %s owner %s comment %s persistence %s', c.oid::regclass, c.relkind,
                  c.reloptions, c.relacl, c.relowner::regrole, obj_description(c.oid, 'pg_class'), c.relpersistence)
      from ours c where c.relkind <> 'i'
    union all
    select format('column %s %s. %s %s acl %s not null %s default %s generated %s identity %s', c.oid::regclass, a.attnum,
                  a.attname, format_type(a.atttypid, a.atttypmod), a.attacl, a.attnotnull,
                  pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity)
      from ours c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relkind in ('r', 'v', 'm', 'p')
    union all
    select format('constraint %s %s %s', c.oid::regclass, k.conname, pg_get_constraintdef(k.oid))
      from ours c join pg_constraint k on k.conrelid = c.oid
    union all
    select format('index %s', pg_get_indexdef(i.indexrelid)) from ours c join pg_index i on i.indrelid = c.oid
    union all
    select format('view %s %s', c.oid::regclass, pg_get_viewdef(c.oid)) from ours c where c.relkind in ('v', 'm')
    union all
    select format('trigger %s', pg_get_triggerdef(t.oid)) from ours c join pg_trigger t on t.tgrelid = c.oid
     where not t.tgisinternal
    union all
    select format('function %s acl %s owner %s', pg_get_functiondef(p.oid), p.proacl, p.proowner::regrole)
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'central') and p.prokind <> 'a'
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    union all
    select format('extension %s', e.extname) from pg_extension e
    union all
    select format('migration %s %s', m.plane, m.name) from centralcloud_migrations.migrations m
    union all
    select format('objects %s %s', o.plane, o.checksum) from centralcloud_migrations.objects o`);
  return rows.map((row) => row.fact).sort();
}
