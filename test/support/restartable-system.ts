import { migrate } from "@centralcloud/db";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { ChaosServer } from "../chaos/servers/chaos-server.ts";
import { harnessName, type TestDatabase, type TestSystem } from "./databases.ts";

export interface RestartableSystem extends TestSystem {
  readonly servers: { source: ChaosServer; central: ChaosServer };
}

/** Both databases of a system, each on an embedded server of its own that a test may restart. */
export function useRestartableSystem(): RestartableSystem {
  const system = { servers: {} } as RestartableSystem;
  beforeAll(async () => {
    const [source, central] = await Promise.all([
      ChaosServer.create("source", ["singularity"]),
      ChaosServer.create("central", ["centralcloud"]),
    ]);
    system.servers.source = source;
    system.servers.central = central;
    system.singularity = open(source, "singularity");
    system.central = open(central, "centralcloud");
    await migrate("singularity", system.singularity.url, () => {});
    await migrate("central", system.central.url, () => {});
  }, 120_000);
  afterAll(async () => {
    await Promise.all([system.singularity?.pool.end(), system.central?.pool.end()]);
    await Promise.all([system.servers.source?.remove(), system.servers.central?.remove()]);
  });
  return system;
}

function open(server: ChaosServer, name: string): TestDatabase {
  const url = server.urlOf(name);
  const pool = new pg.Pool({ connectionString: url, application_name: harnessName, max: 4 });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return { name, url, pool };
}
