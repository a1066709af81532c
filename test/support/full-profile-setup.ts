import { randomBytes } from "node:crypto";
import { createDatabase } from "@centralcloud/embedded";
import { sides } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import type { StartedTestContainer } from "testcontainers";
import type { TestProject } from "vitest/node";
import { buildFullProfileImage } from "./full-profile-image.ts";
import { templates } from "./global-setup.ts";
import { skipOrFail } from "./skip-or-fail.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly fullProfile:
      | { readonly image: string }
      | { readonly missing: string; readonly required: boolean };
  }
}

/** As on the embedded server, so that the same tests meet the same; here nothing must last. */
const settings = [
  "fsync=off",
  "full_page_writes=off",
  "max_connections=300",
  "max_wal_senders=60",
  "max_replication_slots=60",
  "autovacuum=off",
];

/**
 * One container of the full profile for all files of this project, built from `deploy/postgres`.
 * Where this machine can't have that, each file is skipped, or fails where it is required: in CI,
 * and with `REQUIRE_FULL_PROFILE=true`. Either way the other projects' tests run.
 */
export default async function setup(project: TestProject) {
  try {
    const image = await buildFullProfileImage();
    const server = await start(image);
    project.provide("fullProfile", { image });
    project.provide("serverUrl", server.url);
    return server.stop;
  } catch (error) {
    return skipOrFail(project, error);
  }
}

async function start(image: string) {
  // Not at the top, because loading testcontainers takes a while that a skip need not wait for.
  const { fullProfileContainer, removeAbandoned } = await import("./full-profile-container.ts");
  await removeAbandoned();
  const password = randomBytes(16).toString("hex");
  const container = await fullProfileContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withSharedMemorySize(256 * 1024 * 1024)
    // Each test file clones databases of hundreds of small files, which costs a disk ten times as much.
    .withTmpFs({ "/var/lib/postgresql": "uid=999,gid=999,mode=0700" })
    .withCommand(settings.flatMap((setting) => ["-c", setting]))
    .start();
  const stop = async () => void (await container.stop());
  try {
    const urlOf = (database: string) => urlIn(container, password, database);
    for (const side of sides) {
      await createDatabase(urlOf("postgres"), templates[side]);
      await migrateAndSchedule(side, urlOf(templates[side]), () => {});
    }
    await unschedule(urlOf("singularity"), templates.source);
    return { url: urlOf("postgres"), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A job that pg_cron runs in a template would keep it from being cloned. */
async function unschedule(cronUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: cronUrl });
  await client.connect();
  try {
    await client.query("select cron.unschedule(jobid) from cron.job where database = $1", [
      database,
    ]);
  } finally {
    await client.end();
  }
}

function urlIn(container: StartedTestContainer, password: string, database: string): string {
  const place = `${container.getHost()}:${container.getMappedPort(5432)}`;
  return `postgres://postgres:${password}@${place}/${database}`;
}
