import { readFileSync } from "node:fs";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The server's `postgres` database; each test file clones the templates for itself. */
    readonly serverUrl: string;
  }
}

/** Migrated databases that are cloned, which costs a tenth of migrating. */
export const templates = {
  singularity: "template_singularity",
  central: "template_central",
} as const;

/**
 * One server for all test files. `TEST_PGMQ_SQL` may name an install script of another pgmq version
 * to run everything against.
 */
export default async function setup(project: TestProject) {
  const server = await startEmbeddedPostgres({
    databases: Object.values(templates),
    settings: {
      max_connections: "300",
      max_wal_senders: "60",
      max_replication_slots: "60",
      autovacuum: "off",
    },
  });
  try {
    await preparePgmq(server.urlOf(templates.singularity));
    await migrateAndSchedule("singularity", server.urlOf(templates.singularity), () => {});
    await migrateAndSchedule("central", server.urlOf(templates.central), () => {});
  } catch (error) {
    await server.stop();
    throw error;
  }
  project.provide("serverUrl", server.urlOf("postgres"));
  return () => server.stop();
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
