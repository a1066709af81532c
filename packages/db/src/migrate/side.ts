import { type Side, sides } from "@centralcloud/postgres";
import { sqlDirectory } from "@centralcloud/sql";

/**
 * What a side is called where a name must last: by folders of SQL objects and migrations, by our records in the column
 * `plane` of a database, and by `migrate --only`. Everything else says {@link Side}.
 */
export type LandedName = "singularity" | "central";

const names: Readonly<Record<Side, LandedName>> = { source: "singularity", central: "central" };

export const landedNames: readonly LandedName[] = sides.map((side) => names[side]);

export function landedNameOf(side: Side): LandedName {
  return names[side];
}

export function sideNamed(name: LandedName): Side {
  return name === "central" ? "central" : "source";
}

/** Where drizzle-kit keeps the migrations of a side. */
export function migrationsOf(side: Side): URL {
  return new URL(`../../migrations/${landedNameOf(side)}/`, import.meta.url);
}

/** Where the SQL objects of a side are. */
export function objectsOf(side: Side): URL {
  return new URL(`${landedNameOf(side)}/`, sqlDirectory);
}

/** Where the roles are: a file for each, because both sides may live on one server. */
export const roleFiles = new URL("roles/", sqlDirectory);

/** The schema that holds our own records of what was applied; both sides may share one database. */
export const recordSchema = "centralcloud_migrations";

/** Makes those records; nothing happens where they are. */
export const createRecordsStatement = `
  create schema if not exists ${recordSchema};
  create table if not exists ${recordSchema}.migrations (
    plane text not null,
    name text not null,
    created_at bigint not null,
    applied_at timestamptz not null default now(),
    primary key (plane, name)
  );
  create table if not exists ${recordSchema}.objects (
    plane text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
  );
  create table if not exists ${recordSchema}.comparisons (
    plane text primary key,
    build text not null,
    digest text not null,
    compared_at timestamptz not null default now()
  )`;
