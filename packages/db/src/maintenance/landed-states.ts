import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Side } from "@centralcloud/postgres";
import { readJournal } from "../migrate/journal.ts";
import { checksumOf, readObjects } from "../migrate/objects.ts";
import { createRecordsStatement, landedNameOf, recordSchema } from "../migrate/side.ts";

/** A state that users' databases may be in: everything `migrate` did to get there, as one script. */
export interface LandedState {
  /** The newest migration it has. */
  readonly name: string;
  readonly script: string;
}

export function landedFolderOf(side: Side): URL {
  return new URL(`../../landed/${landedNameOf(side)}/`, import.meta.url);
}

/** Every recorded state, oldest first. */
export function readLandedStates(side: Side): readonly LandedState[] {
  const folder = landedFolderOf(side);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => ({
      name: file.slice(0, -".sql".length),
      script: readFileSync(new URL(file, folder), "utf8"),
    }));
}

/** The present state as such a script. It needs pgmq, but nothing else, and no code of ours. */
export function presentState(side: Side): LandedState {
  const journal = readJournal(side);
  const objects = readObjects(side);
  const script = [
    createRecordsStatement,
    "set local search_path = public",
    ...journal.flatMap(({ name, createdAt, statements }) => [
      ...statements.map((statement) => statement.replace(/;\s*$/, "")),
      `insert into ${recordSchema}.migrations (plane, name, created_at) values ('${landedNameOf(side)}', '${name}', ${createdAt})`,
    ]),
    "set local check_function_bodies = off",
    ...objects.map(({ statements }) => statements.trim().replace(/;$/, "")),
    `insert into ${recordSchema}.objects (plane, checksum) values ('${landedNameOf(side)}', '${checksumOf(objects)}')`,
  ];
  const name = journal.at(-1)?.name ?? "nothing";
  return { name, script: `begin;\n${script.map((part) => `${part};\n`).join("")}commit;\n` };
}
