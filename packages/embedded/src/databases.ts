import { withClient } from "@centralcloud/postgres";
import pg from "pg";
import { EmbeddedPostgresError } from "./errors.ts";

const connection = { applicationName: "centralcloud-embedded", anyDatabase: true };

/**
 * Makes a database on the server of `url`.
 * @param options.template copied, with its data; nobody may be connected to it. Default: empty
 */
export async function createDatabase(
  url: string,
  name: string,
  options: { readonly template?: string } = {},
): Promise<void> {
  const { template } = options;
  // Files are copied as they are: to write each page to the log, as is usual, takes several times as long.
  const source =
    template === undefined ? "" : ` template ${pg.escapeIdentifier(template)} strategy file_copy`;
  await withClient(url, connection, (client) =>
    client.query(`create database ${pg.escapeIdentifier(name)}${source}`),
  );
}

/** Removes a database, disconnecting whoever uses it; nothing happens when there is none. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await withClient(url, connection, (client) =>
    client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  );
}

export async function createMissingDatabases(url: string, names: readonly string[]): Promise<void> {
  try {
    await withClient(url, connection, async (client) => {
      const { rows } = await client.query<{ datname: string }>("select datname from pg_database");
      const existing = new Set(rows.map((row) => row.datname));
      for (const name of new Set(names)) {
        if (!existing.has(name)) await client.query(`create database ${pg.escapeIdentifier(name)}`);
      }
    });
  } catch (cause) {
    const { message, code } = cause as { message: string; code?: string };
    const hint =
      code === "28P01" ? " (the password file does not belong to this cluster; start afresh)" : "";
    throw new EmbeddedPostgresError(
      "database_creation_failed",
      `PostgreSQL runs, but its databases could not be made: ${message}${hint}`,
      { cause },
    );
  }
}
