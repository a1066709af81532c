import type { Observe } from "@centralcloud/service";
import type { ClientBase } from "pg";
import type { MigrationObservation } from "./observation.ts";

/** What the procedures need that is no part of PostgreSQL's core; it comes with the contrib modules. */
const requiredExtensions = ["pgcrypto"] as const;

/** The server does not offer an extension that the procedures need. */
export class ExtensionMissingError extends Error {
  readonly code = "extension_missing";
  constructor(extension: string) {
    super(
      `the server does not offer the extension ${extension}. It is one of PostgreSQL's contrib modules: ` +
        "install them on the server (on Debian and Ubuntu they come with postgresql-<version>, " +
        "on Fedora and its kin with postgresql-contrib), then migrate again",
    );
    this.name = "ExtensionMissingError";
  }
}

/**
 * Makes sure that the extensions which the procedures need are installed; what is there is kept,
 * wherever it is. Runs in the caller's transaction. They are trusted extensions: the role needs the
 * right to create in the database, and need not be a superuser.
 *
 * @throws {ExtensionMissingError}
 */
export async function ensureExtensions(
  client: ClientBase,
  observe: Observe<MigrationObservation>,
): Promise<void> {
  for (const extension of requiredExtensions) {
    const { rows } = await client.query<{ installed: boolean; offered: boolean }>(
      `select exists (select from pg_extension where extname = $1) as installed,
              exists (select from pg_available_extensions where name = $1) as offered`,
      [extension],
    );
    if (rows[0]?.installed) continue;
    if (!rows[0]?.offered) throw new ExtensionMissingError(extension);
    await client.query(`create extension ${extension} with schema public`);
    observe({ event: "extension-installed", extension });
  }
}
