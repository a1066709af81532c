import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

/** Major versions of PostgreSQL that this build is tested with. */
const oldest = 15;
const newest = 18;

export async function checkServerVersion({ facts }: CheckedDatabase): Promise<CheckResult[]> {
  const { version, major, login } = facts;
  const found = `PostgreSQL ${version} answers, to ${login}`;
  if (major < oldest) {
    return [error(`${found}; it is too old`, `upgrade the server to PostgreSQL ${newest}`)];
  }
  if (major > newest) {
    const remedy = `upgrade CentralCloud, or stay with PostgreSQL ${newest} until it knows ${major}`;
    return [warning(`${found}; this build was tested up to ${newest}`, remedy)];
  }
  return [ok(found)];
}
