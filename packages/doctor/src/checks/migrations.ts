import { isComplete, landedNameOf, readJournal, recordsMissing } from "@centralcloud/db";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

export async function checkMigrations({
  client,
  side,
  records,
}: CheckedDatabase): Promise<CheckResult[]> {
  const remedy = `centralcloud migrate --only ${landedNameOf(side)}`;
  const { applied, objectsAreCurrent } = await records();
  if (applied.length === 0) {
    const isOurs = await isComplete(side, client);
    const message = isOurs ? `${recordsMissing}, or a part of it` : "it was never migrated";
    return [error(message, remedy)];
  }
  const known = readJournal(side).map(({ name }) => name);
  const unknown = applied.filter((name) => !known.includes(name));
  const pending = known.filter((name) => !applied.includes(name));
  if (unknown.length > 0) {
    const advice = "use the build that migrated it; what this one finds may be out of date";
    return [warning(`it is newer than this build: it has ${unknown.join(", ")}`, advice)];
  }
  if (pending.length > 0) return [error(`it lacks ${pending.join(", ")}`, remedy)];
  if (!objectsAreCurrent) {
    return [warning("its functions and views are those of another build", remedy)];
  }
  return [ok(`up to date: it has ${applied.at(-1)}`)];
}
