import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok } from "../finding.ts";

/** The encoding of a database is decided when it is created; no connection of ours works in another than UTF8. */
export async function checkEncoding({ facts }: CheckedDatabase): Promise<CheckResult[]> {
  const { encoding } = facts;
  if (encoding === "UTF8") return [ok("its encoding is UTF8")];
  const remedy =
    "create a database with encoding 'UTF8' template template0, restore a dump into it, and name that one";
  return [error(`its encoding is ${encoding}, which can't hold every message`, remedy)];
}
