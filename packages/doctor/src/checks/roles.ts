import { ownerRole, rolesOf } from "@centralcloud/db";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

interface Role {
  readonly name: string;
  readonly exists: boolean;
  readonly canLogin: boolean;
  readonly canReplicate: boolean;
  /** What it may do beyond its grants, as `create role` calls it. */
  readonly powers: readonly string[];
  /** Roles whose rights it has too. */
  readonly memberOf: readonly string[];
  /** Roles that have its rights. */
  readonly members: readonly string[];
}

export async function checkRoles(database: CheckedDatabase): Promise<CheckResult[]> {
  const { server, side } = database;
  const roles = await server.ask(`roles of ${side}`, () => readRoles(database));
  const problems = roles.flatMap((role) => (role.exists ? findProblems(role) : [missing(role)]));
  return [...problems, ...describeMembers(roles.filter((role) => role.exists))];
}

async function readRoles({ client, side }: CheckedDatabase): Promise<readonly Role[]> {
  const { rows } = await client.query<Role>(
    `select w.name, r.oid is not null as exists,
            coalesce(r.rolcanlogin, false) as "canLogin", coalesce(r.rolreplication, false) as "canReplicate",
            array_remove(array[case when r.rolsuper then 'superuser' end, case when r.rolcreaterole then 'createrole' end,
                               case when r.rolcreatedb then 'createdb' end, case when r.rolbypassrls then 'bypassrls' end],
                         null) as powers,
            array(select m.roleid::regrole::text from pg_auth_members m where m.member = r.oid order by 1) as "memberOf",
            array(select distinct m.member::regrole::text from pg_auth_members m where m.roleid = r.oid order by 1) as members
       from unnest($1::text[]) as w (name)
       left join pg_roles r on r.rolname = w.name
      order by w.name`,
    [rolesOf[side]],
  );
  return rows;
}

function missing({ name }: Role): CheckResult {
  const attribute = name === "centralcloud_jobs" ? "login" : "nologin";
  return warning(
    `the role ${name} is missing`,
    `centralcloud migrate as a role that may create roles; or: create role ${name} ${attribute}, then centralcloud migrate`,
  );
}

function findProblems({ name, canLogin, canReplicate, powers, memberOf }: Role): CheckResult[] {
  const checkResults: CheckResult[] = [];
  if (powers.length > 0) {
    const remedy = `alter role ${name} ${powers.map((power) => `no${power}`).join(" ")}`;
    checkResults.push(
      error(`${name} has more rights than its grants: ${powers.join(", ")}`, remedy),
    );
  }
  for (const other of memberOf) {
    const message = `${name} is a member of ${other}, and may do what that may`;
    checkResults.push(error(message, `revoke ${other} from ${name}`));
  }
  if (name === ownerRole && canLogin) {
    checkResults.push(warning(`${name} can log in; nobody should`, `alter role ${name} nologin`));
  }
  if (name === "centralcloud_auditor" && !canReplicate) {
    const message = `${name} may not replicate, so changes can't be captured as it`;
    checkResults.push(warning(message, `as a superuser: alter role ${name} replication`));
  }
  return checkResults;
}

function describeMembers(roles: readonly Role[]): CheckResult[] {
  if (roles.length === 0) return [];
  const lines = roles.map(({ name, members }) => `${name} (${members.join(", ") || "no members"})`);
  return [ok(`found ${lines.join(", ")}`)];
}
