import { readFileSync } from "node:fs";
import { createDatabase, startEmbeddedPostgres } from "@centralcloud/embedded";
import { type Side, sides, withClient } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import type { TestProject } from "vitest/node";
import settings from "./server-settings.json" with { type: "json" };

declare module "vitest" {
  interface ProvidedContext {
    /** The server's `postgres` database; each test file clones the templates for itself. */
    readonly serverUrl: string;
  }
}

/** Migrated databases that are cloned, which costs a tenth of migrating. */
export const templates: Readonly<Record<Side, string>> = {
  source: "template_singularity",
  central: "template_central",
};

/**
 * One server for all test files. `TEST_PGMQ_SQL` may name an install script of another pgmq version
 * to run everything against, and `TEST_SERVER_URL` the `postgres` database of a server that is there, as `pnpm mutants`
 * keeps one: templates that it has are brought up to date.
 */
export default async function setup(project: TestProject) {
  const given = process.env.TEST_SERVER_URL;
  const server = given ? undefined : await startEmbeddedPostgres({ databases: [], settings });
  const url = given || (server?.urlOf("postgres") ?? "");
  try {
    await provideTemplates(url);
  } catch (error) {
    await server?.stop();
    throw error;
  }
  project.provide("serverUrl", url);
  return async () => await server?.stop();
}

async function provideTemplates(serverUrl: string): Promise<void> {
  const existing = await withClient(serverUrl, { applicationName: "test-set-up" }, (client) =>
    client.query<{ name: string }>("select datname as name from pg_database"),
  );
  const names = existing.rows.map(({ name }) => name);
  for (const side of sides) {
    const template = templates[side];
    const url = new URL(serverUrl);
    url.pathname = `/${template}`;
    if (!names.includes(template)) {
      await createDatabase(serverUrl, template);
      if (side === "source") await preparePgmq(url.href);
    }
    await migrateAndSchedule(side, url.href, () => {});
  }
}

async function preparePgmq(url: string): Promise<void> {
  const script = process.env.TEST_PGMQ_SQL;
  if (!script) return;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(readFileSync(script, "utf8"));
  } finally {
    await client.end();
  }
}
