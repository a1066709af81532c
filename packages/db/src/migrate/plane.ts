import { sqlDirectory } from "@centralcloud/sql";

/** Which of the two databases: the Singularity side, or the central store. */
export type Plane = "singularity" | "central";

export const planes: readonly Plane[] = ["singularity", "central"];

/** Where drizzle-kit keeps the migrations of a plane. */
export function migrationsOf(plane: Plane): URL {
  return new URL(`../../migrations/${plane}/`, import.meta.url);
}

/** Where the SQL objects of a plane are. */
export function objectsOf(plane: Plane): URL {
  return new URL(`${plane}/`, sqlDirectory);
}

/** Where the roles are: a file for each, because both planes may live on one server. */
export const roleFiles = new URL("roles/", sqlDirectory);

/** The schema that holds our own records of what was applied; both planes may share one database. */
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
