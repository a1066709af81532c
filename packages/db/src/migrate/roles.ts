import type { Side } from "@centralcloud/postgres";
import type { ClientBase } from "pg";

/** Owns every object of ours; the migrating role is a member of it. */
export const ownerRole = "centralcloud_owner";

/** The roles that have something to do in a database, each with a file of its name in `sql/roles`. */
export const rolesOf: Readonly<Record<Side, readonly string[]>> = {
  source: [
    "centralcloud_application",
    "centralcloud_auditor",
    "centralcloud_consumer",
    "centralcloud_jobs",
    "centralcloud_operator",
    "centralcloud_viewer",
    ownerRole,
  ],
  central: [
    "centralcloud_auditor",
    "centralcloud_consumer",
    "centralcloud_operator",
    "centralcloud_viewer",
    ownerRole,
  ],
};

/**
 * Whether applying the objects once more would make or grant a role that was impossible before: an
 * administrator has made it since, or has given this role the right to. A role that is referred to
 * nowhere in the database has been granted nothing in it.
 */
export async function rolesAreWaiting(side: Side, client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ waiting: boolean }>(waitingQuery(side));
  return rows[0]?.waiting ?? false;
}

/** The query of {@link rolesAreWaiting}: one row, `waiting`. */
export function waitingQuery(side: Side): string {
  const names = rolesOf[side].map((name) => `'${name}'`).join(", ");
  return (
    // By database first: a server of many databases has a row for each object of ours in each of them.
    `with here as materialized (
       select d.refobjid, bool_or(d.deptype = 'o') as owns
         from pg_shdepend d
        where d.dbid = (select b.oid from pg_database b where b.datname = current_database())
          and d.refclassid = 'pg_authid'::regclass
        group by d.refobjid
     )
     select bool_or(
              case when r.oid is null then self.rolsuper or self.rolcreaterole
                   when r.rolname = '${ownerRole}' then pg_has_role(r.oid, 'member') and not coalesce(here.owns, false)
                   else here.owns is null end) as waiting
       from unnest(array[${names}]) as wanted (name)
      cross join (select s.* from pg_roles s where s.rolname = current_user) as self
       left join pg_roles r on r.rolname = wanted.name
       left join here on here.refobjid = r.oid`
  );
}
