import { readFileSync } from "node:fs";
import type { Side } from "@centralcloud/postgres";
import { migrationsOf } from "./side.ts";

/** One migration that drizzle-kit wrote, in the order of its journal. */
export interface Migration {
  /** Its number and sentence, such as `0000_create_the_central_tables`. */
  readonly name: string;
  /** When it was written, in milliseconds since 1970; strictly increasing along the journal. */
  readonly createdAt: number;
  readonly statements: readonly string[];
}

/** @throws when the journal's times do not strictly increase: a database would skip a migration. */
export function readJournal(side: Side): readonly Migration[] {
  const folder = migrationsOf(side);
  const { entries } = readEntries(folder);
  return entries.map((entry, index) => {
    const previous = entries[index - 1];
    if (previous !== undefined && entry.when <= previous.when) {
      throw new Error(
        `${side}: migration ${entry.tag} is not later than ${previous.tag}; write it again`,
      );
    }
    const text = readFileSync(new URL(`${entry.tag}.sql`, folder), "utf8");
    return { name: entry.tag, createdAt: entry.when, statements: text.split(statementEnd) };
  });
}

/** As drizzle-kit writes it between two statements of a migration. */
const statementEnd = "--> statement-breakpoint";

/**
 * The tables of a side, qualified, as the newest migration leaves them: what drizzle-kit has written down beside it. So
 * nothing that migrates needs drizzle itself.
 */
export function readTableNames(side: Side): readonly string[] {
  const folder = migrationsOf(side);
  const { entries } = readEntries(folder);
  const newest = String(entries.length - 1).padStart(4, "0");
  const file = new URL(`meta/${newest}_snapshot.json`, folder);
  const { tables } = JSON.parse(readFileSync(file, "utf8")) as { tables: Record<string, unknown> };
  return Object.keys(tables);
}

function readEntries(folder: URL): { readonly entries: readonly { tag: string; when: number }[] } {
  return JSON.parse(readFileSync(new URL("meta/_journal.json", folder), "utf8"));
}
