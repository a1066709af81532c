import { queueNames } from "@centralcloud/contracts";
import {
  type Diagnosis,
  type DoctorOptions,
  type Finding,
  type Repair,
  repair,
} from "@centralcloud/doctor";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@centralcloud/embedded";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { harnessName, type TestDatabase, type TestSystem } from "./databases.ts";
import { examine } from "./doctor.ts";
import { addNewKey } from "./session-keys.ts";

export interface HealthySystem extends TestSystem {
  /** As the superuser, on the source and on the central database. */
  query(text: string): Promise<pg.QueryResult>;
  queryCentral(text: string): Promise<pg.QueryResult>;
  /** What the doctor finds that is not ok. */
  unwell(options?: Partial<DoctorOptions>): Promise<readonly Finding[]>;
  /** What `doctor --fix` does. */
  fixAll(): Promise<Diagnosis & { readonly repairs: readonly Repair[] }>;
}

/**
 * Both databases on a server of the calling file's, set up as one would run it, so that it has no illness
 * but those that a test gives it. Each test must leave it well.
 */
export function useHealthySystem(): HealthySystem {
  const system = {} as TestSystem;
  let server: EmbeddedPostgres;

  beforeAll(async () => {
    server = await startEmbeddedPostgres({
      databases: ["singularity", "centralcloud"],
      durable: true,
      settings: { max_prepared_transactions: 5 },
    });
    await migrateAndSchedule("source", server.urlOf("singularity"), () => {});
    await migrateAndSchedule("central", server.urlOf("centralcloud"), () => {});
    system.singularity = open(server, "singularity");
    system.central = open(server, "centralcloud");
    await addNewKey(system.singularity, "doctor-key", { activate: true });
  }, 60_000);

  afterAll(async () => {
    await system.singularity.pool.end();
    await system.central.pool.end();
    await server.stop();
  });

  beforeEach(async () => {
    expect(await unwell()).toEqual([]);
  });

  async function unwell(options: Partial<DoctorOptions> = {}): Promise<readonly Finding[]> {
    return (await examine(system, options)).filter(({ severity }) => severity !== "ok");
  }

  return Object.assign(system, {
    query: (text: string) => system.singularity.pool.query(text),
    queryCentral: (text: string) => system.central.pool.query(text),
    unwell,
    fixAll: () =>
      repair({
        sourceUrls: [system.singularity.url],
        centralUrl: system.central.url,
        queues: queueNames,
      }),
  });
}

function open(server: EmbeddedPostgres, name: string): TestDatabase {
  const url = server.urlOf(name);
  const pool = new pg.Pool({
    connectionString: url,
    application_name: harnessName,
    max: 3,
    idleTimeoutMillis: 0,
  });
  pool.on("error", () => {});
  return { name, url, pool };
}
