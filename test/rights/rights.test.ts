import { beforeAll, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { type CatalogObject, objectsOf } from "./objects.ts";
import { outcomesOf } from "./outcomes.ts";
import {
  futureRights,
  optional,
  optionalColumns,
  type Role,
  type Row,
  rights,
  roles,
} from "./rights.ts";

/*
 * Each role against each table, column, sequence, function and schema that exists, both ways: what the table of
 * rights gives works, and nothing else does. PostgreSQL is asked what the role may do, and each statement is tried.
 */

const system = useSystem();
const roleNames: Record<Role, string | undefined> = {
  application: "centralcloud_application",
  auditor: "centralcloud_auditor",
  consumer: "centralcloud_consumer",
  jobs: "centralcloud_jobs",
  operator: "centralcloud_operator",
  owner: "centralcloud_owner",
  viewer: "centralcloud_viewer",
  everybody: undefined,
};
const members = useMembers(system, roleNames);
failOnLeaks(system);

beforeAll(async () => {
  await system.central.pool.query("select central.ensure_change_log_partition(current_date)");
});

test("every role of ours has its place in the table", async () => {
  const { rows } = await system.central.pool.query<{ name: string }>(
    "select rolname as name from pg_roles where rolname like 'centralcloud\\_%'",
  );
  const known = roles.flatMap((role) => roleNames[role] ?? []);
  expect(rows.map(({ name }) => name).sort()).toEqual([...known].sort());
});

describe.each(["singularity", "central"] as const)("on the %s side", (side) => {
  const table: Readonly<Record<string, Row>> = rights[side];

  test("every object has a row, and every row an object", async () => {
    const objects = await objectsOf(system[side].pool);
    const names = [...new Set(objects.map(({ name }) => name))];
    const missing = names.filter((name) => table[name] === undefined);
    expect(missing, "test/rights/rights.ts says who may do what with each object").toEqual([]);
    const gone = Object.keys(table).filter(
      (name) => !names.includes(name) && !optional.includes(name),
    );
    expect(gone).toEqual([]);
    const functions = objects.filter(({ kind }) => kind === "function").map(({ name }) => name);
    expect(functions, "functions of one name would share a row").toEqual([...new Set(functions)]);
  });

  test("a table whose columns are told apart says of each what may be done with it", async () => {
    const objects = await objectsOf(system[side].pool);
    for (const { name, columns } of objects) {
      for (const granted of Object.values(table[name] ?? {})) {
        if (typeof granted === "string") continue;
        const said = words(`${granted.select} ${granted.nothing}`).filter(
          (column) => columns.includes(column) || !optionalColumns.includes(column),
        );
        expect(said.sort(), name).toEqual([...columns].sort());
      }
    }
  });

  test("nothing is given on objects of the future but what the table says", async () => {
    const { rows } = await system[side].pool.query<{ given: string }>(
      `select format('%s in %s: %s to %s', case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
                     when 'f' then 'functions' when 'n' then 'schemas' else 'types' end,
                     coalesce(d.defaclnamespace::regnamespace::text, 'every schema'),
                     string_agg(lower(a.privilege_type), ' ' order by array_position(
                       array['SELECT', 'INSERT', 'UPDATE', 'DELETE'], a.privilege_type)),
                     coalesce(r.rolname, 'everybody')) as given
         from pg_default_acl d cross join lateral aclexplode(d.defaclacl) a
         left join pg_roles r on r.oid = a.grantee
        where a.grantee <> d.defaclrole and coalesce(r.rolname, '') !~ '^pg_'
        group by d.oid, d.defaclobjtype, d.defaclnamespace, r.rolname order by 1`,
    );
    expect(rows.map(({ given }) => given)).toEqual(futureRights[side]);
  });

  test.each(roles)("%s has the rights of the table and no others", async (role) => {
    const objects = await objectsOf(system[side].pool, members[role].login.name);
    const wrong = objects.flatMap((object) => {
      const expected = rightsOn(table[object.name], role, object);
      return differences(object.name, expected, object.rights);
    });
    expect(wrong).toEqual([]);
    // Each right is one that the role can pass on only where the object is its own.
    const passedOn = objects.filter(({ owned, grantable }) => !owned && grantable.length > 0);
    expect(passedOn.map(({ name, grantable }) => `${name}: ${grantable}`)).toEqual([]);
  });

  test.each(roles)("what %s may do works, and what it may not is refused", async (role) => {
    const objects = await objectsOf(system[side].pool, members[role].login.name);
    const schemas = new Set(
      objects
        .filter(({ kind }) => kind === "schema")
        .filter((schema) => rightsOn(table[schema.name], role, schema).includes("usage"))
        .map(({ name }) => name.replace("schema ", "")),
    );
    const attempts = objects.flatMap((object) => {
      const expected = rightsOn(table[object.name], role, object);
      return object.attempts.map(({ statement, right }) => ({
        statement,
        expected:
          schemas.has(object.schema) && right.some((one) => expected.includes(one))
            ? "works"
            : "refused",
      }));
    });
    const outcomes = await outcomesOf(
      members[role][side].pool,
      attempts.map(({ statement }) => statement),
    );
    const wrong = attempts.flatMap(({ statement, expected }, index) =>
      outcomes[index] === expected ? [] : [`${statement}: ${outcomes[index]}, not ${expected}`],
    );
    expect(wrong).toEqual([]);
    expect(attempts.length).toBeGreaterThan(300);
  });
});

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

/** As PostgreSQL would say it: a right on a column is called `select (column)`. */
function rightsOn(row: Row | undefined, role: Role, object: CatalogObject): readonly string[] {
  if (role === "owner" && object.owned) return object.possible;
  const granted = [row?.[role], row?.everybody].flatMap((one) => {
    if (one === undefined) return [];
    if (typeof one === "string") return words(one).map((word) => word.replace("(", " ("));
    return words(one.select)
      .filter((column) => object.columns.includes(column) || !optionalColumns.includes(column))
      .map((column) => `select (${column})`);
  });
  const ofColumns = granted.flatMap((right) =>
    object.possible.filter((one) => one.startsWith(`${right} (`)),
  );
  return [...new Set([...granted, ...ofColumns])];
}

function differences(
  name: string,
  expected: readonly string[],
  found: readonly string[],
): readonly string[] {
  return [
    ...found.filter((one) => !expected.includes(one)).map((one) => `${name}: ${one} is too much`),
    ...expected.filter((one) => !found.includes(one)).map((one) => `${name}: ${one} is missing`),
  ];
}
