import { parseArgs } from "node:util";
import { type Side, sides } from "@centralcloud/postgres";
import { readJournal } from "../migrate/journal.ts";
import { checksumOf, readObjects } from "../migrate/objects.ts";
import { landedNameOf } from "../migrate/side.ts";
import { drizzleKit, schemaIsGenerated } from "./drizzle-kit.ts";
import { readLandedStates } from "./landed-states.ts";
import { readObjectRecord, writeObjectRecord } from "./object-record.ts";
import { writeManifestOn, writeManifests } from "./write-manifest.ts";

/*
 * `pnpm --filter @centralcloud/db generate --name a_sentence_in_snake_case`
 *
 * Brings the generated files in line with the schemas and the SQL objects: a new migration where
 * tables changed, an empty one where only objects changed, nothing where nothing did. A newest
 * migration that has not landed yet takes changed objects in, instead of another migration. Then it
 * migrates empty databases, and writes down in `catalog` what they have.
 *
 * With `--try singularity --server URL`, for a changed object of one side that is only tried, as `pnpm mutants` does: it
 * is noted with the newest migration, landed or not; tables are not compared; and the database on which it was migrated
 * stays on that server, as `template_singularity`.
 */
const { values } = parseArgs({
  options: { name: { type: "string" }, try: { type: "string" }, server: { type: "string" } },
});

const tried = sides.find((side) => landedNameOf(side) === values.try);
if (tried === undefined) {
  for (const side of sides) addMigration(side);
  await writeManifests();
} else {
  const newest = readJournal(tried).at(-1)?.name ?? "";
  const checksum = checksumOf(readObjects(tried));
  writeObjectRecord(tried, { ...readObjectRecord(tried), [newest]: checksum });
  await writeManifestOn(values.server ?? "", tried);
}

function addMigration(side: Side): void {
  const before = readJournal(side).length;
  if (!schemaIsGenerated(side)) drizzleKit(side, "generate", "--name", requireName(side));
  recordObjects(side);
  const added = readJournal(side).slice(before);
  const names = added.map((migration) => migration.name).join(", ");
  console.log(`${side}: ${added.length > 0 ? `added ${names}` : "up to date"}`);
}

/** Notes the objects' checksum with the newest migration, or with an empty one made for them. */
function recordObjects(side: Side): void {
  const record = readObjectRecord(side);
  const checksum = checksumOf(readObjects(side));
  const landed = new Set(readLandedStates(side).map((state) => state.name));
  let newest = readJournal(side).at(-1)?.name ?? "";
  if (record[newest] === checksum) return;
  if (landed.has(newest)) {
    drizzleKit(side, "generate", "--custom", "--name", requireName(side));
    newest = readJournal(side).at(-1)?.name ?? "";
  }
  writeObjectRecord(side, { ...record, [newest]: checksum });
}

function requireName(side: Side): string {
  if (values.name !== undefined && /^[a-z][a-z0-9_]+$/.test(values.name)) return values.name;
  throw new Error(`${side} changed; say what changed with --name a_sentence_in_snake_case`);
}
