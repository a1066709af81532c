import { parseArgs } from "node:util";
import { readJournal } from "../migrate/journal.ts";
import { checksumOf, readObjects } from "../migrate/objects.ts";
import { type Plane, planes } from "../migrate/plane.ts";
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

const tried = planes.find((plane) => plane === values.try);
if (tried === undefined) {
  for (const plane of planes) addMigration(plane);
  await writeManifests();
} else {
  const newest = readJournal(tried).at(-1)?.name ?? "";
  const checksum = checksumOf(readObjects(tried));
  writeObjectRecord(tried, { ...readObjectRecord(tried), [newest]: checksum });
  await writeManifestOn(values.server ?? "", tried);
}

function addMigration(plane: Plane): void {
  const before = readJournal(plane).length;
  if (!schemaIsGenerated(plane)) drizzleKit(plane, "generate", "--name", requireName(plane));
  recordObjects(plane);
  const added = readJournal(plane).slice(before);
  const names = added.map((migration) => migration.name).join(", ");
  console.log(`${plane}: ${added.length > 0 ? `added ${names}` : "up to date"}`);
}

/** Notes the objects' checksum with the newest migration, or with an empty one made for them. */
function recordObjects(plane: Plane): void {
  const record = readObjectRecord(plane);
  const checksum = checksumOf(readObjects(plane));
  const landed = new Set(readLandedStates(plane).map((state) => state.name));
  let newest = readJournal(plane).at(-1)?.name ?? "";
  if (record[newest] === checksum) return;
  if (landed.has(newest)) {
    drizzleKit(plane, "generate", "--custom", "--name", requireName(plane));
    newest = readJournal(plane).at(-1)?.name ?? "";
  }
  writeObjectRecord(plane, { ...record, [newest]: checksum });
}

function requireName(plane: Plane): string {
  if (values.name !== undefined && /^[a-z][a-z0-9_]+$/.test(values.name)) return values.name;
  throw new Error(`${plane} changed; say what changed with --name a_sentence_in_snake_case`);
}
