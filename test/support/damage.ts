import type { PoolClient } from "pg";

type Facts = Readonly<Record<string, string>>;

/** One way to spoil what a fresh migration made. */
export interface Damage {
  /** What is spoiled: an object and its property, where it is not the whole. */
  readonly what: string;
  readonly object: string;
  readonly statement: string;
}

/** Every object of a manifest removed, and every property of it changed, a damage each. What our records of
 * migrations hold comes back with their tables alone, so their columns are left out. */
export function damagesOf(objects: Readonly<Record<string, Facts>>): readonly Damage[] {
  return Object.entries(objects).flatMap(([object, facts]) => {
    const whole = removeObject(object);
    return [
      ...(whole === undefined ? [] : [{ what: object, object, statement: whole }]),
      ...Object.entries(facts).flatMap(([property, value]) =>
        spoilProperty(object, property, value).map((statement) => {
          return { what: `${object}: ${property}`, object, statement };
        }),
      ),
    ];
  });
}

function removeObject(object: string): string | undefined {
  const [kind = "", ...words] = object.split(" ");
  const name = words.join(" ");
  if (kind === "job") return `delete from public.scheduled_jobs where job_name = '${name}'`;
  if (kind === "queue") return `delete from pgmq.meta where queue_name = '${name}'`;
  // A sequence goes with its column, and pgmq's schema is not ours.
  if (kind === "sequence" || object === "schema pgmq") return undefined;
  return `drop ${object} cascade`;
}

function spoilProperty(object: string, property: string, value: string): readonly string[] {
  const [kind = "", ...words] = property.split(" ");
  const name = words.join(" ");
  const table = `alter ${object}`;
  switch (kind) {
    case "column":
      return [
        ...spoilColumn(`${table} alter column ${name}`, value),
        ...(object.includes(" centralcloud_migrations.")
          ? []
          : [`${table} drop column ${name} cascade`]),
      ];
    case "constraint":
      return [`${table} drop constraint ${name} cascade`];
    case "index":
      return [`drop index ${/(\w+)\./.exec(object)?.[1]}.${name}`];
    case "trigger":
      return [
        `${table} disable trigger ${name}`,
        `drop trigger ${name} on ${object.slice("table ".length)}`,
      ];
    case "grants":
      return [spoilGrants(object, name.slice("to ".length))];
    case "option":
      return [`${table} reset (${name})`];
    case "storage":
      // Of a partitioned table only the partitions are stored.
      return [
        object.endsWith(".change_log")
          ? `${table} enable row level security`
          : `${table} set unlogged`,
      ];
    case "row":
      return [`${table} enable row level security, force row level security`];
    case "content":
      return [`refresh ${object} with no data`];
    case "settings":
      return [
        object.startsWith("sequence ") ? `${table} increment 5` : `${table} set work_mem = '1MB'`,
      ];
    case "definition":
      return [spoilDefinition(object)];
    case "runs":
      return [
        `update public.scheduled_jobs set schedule = '1 1 1 1 1' where job_name = '${object.slice("job ".length)}'`,
      ];
    case "default":
      return [
        "alter default privileges in schema pgmq revoke insert on tables from centralcloud_owner",
      ];
    default:
      return [];
  }
}

function spoilColumn(alter: string, definition: string): readonly string[] {
  if (definition.includes(" as identity")) return [`${alter} drop identity`];
  if (definition.includes(" default ")) return [`${alter} drop default`];
  return definition.endsWith(" not null") ? [`${alter} drop not null`] : [`${alter} set not null`];
}

function spoilGrants(object: string, grantee: string): string {
  const on = object.replace(/^(materialized )?view /, "table ");
  if (grantee !== "its owner") return `revoke all on ${on} from ${grantee} cascade`;
  // pgmq's tables belong to whoever migrated, and so does what their indexes run.
  const owner = / pgmq\.|dead_letter_fingerprint/.test(object)
    ? "current_user"
    : "centralcloud_owner";
  return `revoke all on ${on} from ${owner} cascade`;
}

function spoilDefinition(object: string): string {
  const name = object.replace(/^.*? (?=\w+\.)/, "");
  const routine = /^(function|procedure) /.exec(object)?.[1];
  if (routine !== undefined) {
    return `do $spoil$ begin
      execute replace(pg_get_functiondef('${name}'::regprocedure), '$${routine}$', E'$${routine}$\\n-- spoiled\\n');
    end $spoil$`;
  }
  const create = object.startsWith("view ")
    ? `create or replace ${object}`
    : `drop ${object} cascade; create ${object}`;
  return `do $spoil$ begin
    execute '${create} as select * from (' || rtrim(pg_get_viewdef('${name}'::regclass), ';') || ') q where false';
  end $spoil$`;
}

/** Every right on what is not ours that a fresh migration gave to a role of ours, taken away. */
export async function damagesOfRights(client: PoolClient): Promise<readonly Damage[]> {
  const { rows } = await client.query<Damage>(
    `select format('%s: %s of %s', g.object, a.privilege_type, r.rolname) as what, g.object,
            format('revoke %s on %s from %I, public', a.privilege_type, g.object, r.rolname) as statement
       from (
         select format('database %I', d.datname) as object, d.datacl as acl
           from pg_database d where d.datname = current_database()
          union all
         select format('schema %I', n.nspname), n.nspacl
           from pg_namespace n where n.nspname in ('public', 'pgmq')
          union all
         select format('table %s', c.oid::regclass), c.relacl
           from pg_class c where c.relnamespace = to_regnamespace('pgmq') and c.relname !~ '^[aq]_' and c.relkind = 'r'
       ) g
      cross join lateral aclexplode(g.acl) a
       join pg_roles r on r.oid = a.grantee and r.rolname like 'centralcloud\\_%'
      order by 1`,
  );
  return rows;
}
