import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { migrationsOf, type Plane } from "./plane.ts";

/** One migration that drizzle-kit wrote, in the order of its journal. */
export interface Migration {
  /** Its number and sentence, such as `0000_create_the_central_tables`. */
  readonly name: string;
  /** When it was written, in milliseconds since 1970; strictly increasing along the journal. */
  readonly createdAt: number;
  readonly statements: readonly string[];
}

/** @throws when the journal's times do not strictly increase: a database would skip a migration. */
export function readJournal(plane: Plane): readonly Migration[] {
  const folder = migrationsOf(plane);
  const { entries } = JSON.parse(readFileSync(new URL("meta/_journal.json", folder), "utf8")) as {
    entries: { tag: string; when: number }[];
  };
  const files = readMigrationFiles({ migrationsFolder: fileURLToPath(folder) });
  return entries.map((entry, index) => {
    const previous = entries[index - 1];
    if (previous !== undefined && entry.when <= previous.when) {
      throw new Error(
        `${plane}: migration ${entry.tag} is not later than ${previous.tag}; write it again`,
      );
    }
    return { name: entry.tag, createdAt: entry.when, statements: files[index]?.sql ?? [] };
  });
}
