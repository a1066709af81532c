import { landedNameOf, ownerRole, ownershipStatements } from "@centralcloud/db";
import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

/** Functions that run with their owner's rights should run with those of the owner role, and no more. */
export async function checkOwnership(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, side } = database;
  const asItShould = ok(`everything of ours belongs to ${ownerRole}`);
  if ((await database.state())?.isKnown) return [asItShould];
  const { role } = await readRow<{ role: string | null }>(
    client,
    "select to_regrole($1)::text as role",
    [ownerRole],
  );
  // The check of the roles says that it is missing.
  if (role === null) return [];
  const foreign = await ownershipStatements(side, client);
  if (foreign.length === 0) return [asItShould];
  return [
    warning(
      `${foreign.length} objects of ours (${foreign.map(objectOf).join(", ")}) don't belong to ${ownerRole}`,
      `grant ${ownerRole} to the role that migrates, then as that role: centralcloud migrate --only ${landedNameOf(side)}`,
    ),
  ];
}

/** What the statement would alter. */
function objectOf(statement: string): string {
  return statement.replace(/^alter (.*) owner to \S+$/s, "$1");
}
