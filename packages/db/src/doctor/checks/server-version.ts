import { type CheckedDatabase, readRow } from "../check.ts";
import { error, ok, type Verdict, warning } from "../finding.ts";

/** Major versions of PostgreSQL that this build is tested with. */
const oldest = 15;
const newest = 18;

export async function checkServerVersion({ client }: CheckedDatabase): Promise<Verdict[]> {
  const { version, major, user } = await readRow<{ version: string; major: number; user: string }>(
    client,
    `select current_setting('server_version') as version, current_user as user,
            current_setting('server_version_num')::integer / 10000 as major`,
  );
  const found = `PostgreSQL ${version} answers, to ${user}`;
  if (major < oldest) {
    return [error(`${found}; it is too old`, `upgrade the server to PostgreSQL ${newest}`)];
  }
  if (major > newest) {
    const remedy = `upgrade CentralCloud, or stay with PostgreSQL ${newest} until it knows ${major}`;
    return [warning(`${found}; this build was tested up to ${newest}`, remedy)];
  }
  return [ok(found)];
}
