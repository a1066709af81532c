import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { landedNameOf } from "@centralcloud/db";
import type { Side } from "@centralcloud/postgres";
import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";
import { templates } from "./global-setup.ts";

/** One cloned database of a test file. */
export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly pool: pg.Pool;
}

/** The connections of the harness itself; those that a test leaves under other names are leaks. */
export const harnessName = "test-harness";

/** A URL like that of the server's `postgres` database, for another one. */
export function urlOf(database: string): string {
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${database}`;
  return url.href;
}

/** Clones a template; close it with {@link dropTestDatabase}. */
export async function createTestDatabase(side?: Side): Promise<TestDatabase> {
  const name = `${side === undefined ? "empty" : landedNameOf(side)}_${randomBytes(6).toString("hex")}`;
  // Files are copied as they are: to write each page to the log, as is usual, takes several times as long.
  const template = side === undefined ? "" : ` template ${templates[side]} strategy file_copy`;
  await administer(`create database "${name}"${template}`);
  const database = openTestDatabase(name);
  const { pool } = database;
  if (side === "source") {
    // A clone is another source; only a restored backup would keep the identity. What was granted on a database itself
    // is not cloned with it. And it is a new one: what was due since the template was made has not been missed here.
    await pool.query(`
      update singularity_source set source_id = gen_random_uuid(), name = current_database();
      grant create on database "${name}" to centralcloud_owner;
      update centralcloud_migrations.objects set applied_at = clock_timestamp()`);
  }
  return database;
}

/** A database that is there already; close it with {@link dropTestDatabase}, too. */
export function openTestDatabase(name: string): TestDatabase {
  // Connections stay open, so that no timer of the harness hides one that a test has leaked.
  const pool = new pg.Pool({
    connectionString: urlOf(name),
    application_name: harnessName,
    max: 4,
    idleTimeoutMillis: 0,
  });
  // Dropping the database may overtake the farewell of a connection that is ending.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return { name, url: urlOf(name), pool };
}

/** Gives a database another name, as an administrator would; its pool is ended, and there is a new one. */
export async function renameTestDatabase(
  { name, pool }: TestDatabase,
  newName: string,
): Promise<TestDatabase> {
  await pool.end();
  const administrator = new pg.Client({ connectionString: inject("serverUrl") });
  await administrator.connect();
  try {
    await administrator.query(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1",
      [name],
    );
    await administrator.query(`alter database "${name}" rename to "${newName}"`);
  } finally {
    await administrator.end();
  }
  return openTestDatabase(newName);
}

export async function dropTestDatabase(database: TestDatabase): Promise<void> {
  const { name, pool } = database;
  await pool.end();
  // A connection that is ended takes a moment to leave; forced out in it, it would fail a test that is over.
  for (let look = 0; look < 30; look += 1) {
    const rows = await administer(
      `select from pg_stat_activity where datname = '${name}' and backend_type = 'client backend' limit 1`,
    );
    if (rows.length === 0) break;
    await delay(5);
  }
  await administer(`drop database if exists "${name}" with (force)`);
}

let administrator: Promise<pg.Client> | undefined;

/** On a connection that the files of a process share: one more for each database would take longer than what it does. */
async function administer(statement: string): Promise<readonly unknown[]> {
  administrator ??= connectAdministrator();
  const client = await administrator.catch((error: unknown) => {
    administrator = undefined;
    throw error;
  });
  return (await client.query(statement)).rows;
}

async function connectAdministrator(): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: inject("serverUrl"),
    application_name: harnessName,
  });
  // It ends with its server, or a test ends it: then there is another one.
  client.on("error", () => {
    administrator = undefined;
  });
  await client.connect();
  return client;
}

export interface TestSystem {
  singularity: TestDatabase;
  central: TestDatabase;
}

export function databaseOf({ singularity, central }: TestSystem, side: Side): TestDatabase {
  return side === "source" ? singularity : central;
}

/** Both databases of a system, cloned for the calling test file and dropped after it. */
export function useSystem(): TestSystem {
  const system = {} as TestSystem;
  beforeAll(async () => {
    system.singularity = await createTestDatabase("source");
    system.central = await createTestDatabase("central");
  });
  afterAll(async () => {
    await dropTestDatabase(system.singularity);
    await dropTestDatabase(system.central);
  });
  return system;
}
