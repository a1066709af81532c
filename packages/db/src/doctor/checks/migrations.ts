import { readJournal } from "../../migrate/journal.ts";
import { checksumOf, readObjects } from "../../migrate/objects.ts";
import { recordSchema } from "../../migrate/plane.ts";
import { type CheckedDatabase, readRow } from "../check.ts";
import { error, ok, type Verdict, warning } from "../finding.ts";

export async function checkMigrations({ client, plane }: CheckedDatabase): Promise<Verdict[]> {
  const remedy = `centralcloud migrate --only ${plane}`;
  const { exists } = await readRow<{ exists: boolean }>(
    client,
    "select to_regclass($1) is not null as exists",
    [`${recordSchema}.migrations`],
  );
  if (!exists) return [error("it was never migrated", remedy)];

  const { applied, checksum } = await readRow<{ applied: string[]; checksum: string | null }>(
    client,
    `select array(select m.name from ${recordSchema}.migrations m
                   where m.plane = $1 order by m.created_at) as applied,
            (select o.checksum from ${recordSchema}.objects o where o.plane = $1) as checksum`,
    [plane],
  );
  const known = readJournal(plane).map(({ name }) => name);
  const unknown = applied.filter((name) => !known.includes(name));
  const pending = known.filter((name) => !applied.includes(name));
  if (applied.length === 0) return [error("it was never migrated", remedy)];
  if (unknown.length > 0) {
    const advice = "use the build that migrated it; what this one finds may be out of date";
    return [warning(`it is newer than this build: it has ${unknown.join(", ")}`, advice)];
  }
  if (pending.length > 0) return [error(`it lacks ${pending.join(", ")}`, remedy)];
  if (checksum !== checksumOf(readObjects(plane))) {
    return [warning("its functions and views are those of another build", remedy)];
  }
  return [ok(`up to date: it has ${applied.at(-1)}`)];
}
