import { messageOf, type Side, sides } from "@centralcloud/postgres";
import { readManifest } from "../catalog/manifest.ts";
import { readJournal } from "../migrate/journal.ts";
import { checksumOf, readObjects } from "../migrate/objects.ts";
import { landedNameOf } from "../migrate/side.ts";
import { drizzleKit, schemaIsGenerated } from "./drizzle-kit.ts";
import { readLandedStates } from "./landed-states.ts";
import { readObjectRecord } from "./object-record.ts";

/*
 * `pnpm --filter @centralcloud/db verify`: proves, without a database and without writing anything,
 * that the generated files are current and that what has landed was left alone.
 */
const remedy = "run `pnpm --filter @centralcloud/db generate --name what_changed`";

const mistakes = sides.flatMap((side) => verify(side));
for (const mistake of mistakes) console.error(mistake);
process.exitCode = mistakes.length > 0 ? 1 : 0;

function verify(side: Side): string[] {
  // Also checks that the journal's times strictly increase.
  const journal = readJournal(side);
  const mistakes: string[] = [];
  drizzleKit(
    side,
    "check",
    "--dialect",
    "postgresql",
    "--out",
    `./migrations/${landedNameOf(side)}`,
  );
  if (!schemaIsGenerated(side)) {
    mistakes.push(`${side}: the schema has changes that no migration has; ${remedy}`);
  }
  const newest = journal.at(-1)?.name ?? "";
  if (readObjectRecord(side)[newest] !== checksumOf(readObjects(side))) {
    mistakes.push(
      `${side}: sql/${landedNameOf(side)} has changes that no migration goes with; ${remedy}`,
    );
  }
  try {
    readManifest(side);
  } catch (error) {
    mistakes.push(messageOf(error));
  }
  const landed = readLandedStates(side);
  for (const { name, script } of landed) {
    const end = journal.findIndex((migration) => migration.name === name);
    if (end === -1)
      mistakes.push(`${side}: ${name} has landed, but is not in the journal any more`);
    for (const { name: earlier, createdAt, statements } of journal.slice(0, end + 1)) {
      const same = statements.every((statement) => script.includes(statement.replace(/;\s*$/, "")));
      if (same && script.includes(`'${earlier}', ${createdAt}`)) continue;
      mistakes.push(`${side}: ${earlier} has landed and must not change; add a migration instead`);
    }
  }
  return [...new Set(mistakes)];
}
