import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";
import { ChaosServer } from "../../tools/chaos/servers/chaos-server.ts";
import { harnessName, type TestDatabase, type TestSystem } from "./databases.ts";
import type { RestartableServer } from "./restartable-server.ts";

export interface RestartableSystem extends TestSystem {
  readonly servers: { source: RestartableServer; central: RestartableServer };
}

/**
 * Both databases of a system, each on a server of its own that a test may restart: an embedded one, or, in the
 * full profile, a container.
 */
export function useRestartableSystem(): RestartableSystem {
  const system = { servers: {} } as RestartableSystem;
  beforeAll(async () => {
    const [source, central] = await Promise.all([
      createServer("source", "singularity"),
      createServer("central", "centralcloud"),
    ]);
    system.servers.source = source;
    system.servers.central = central;
    system.singularity = open(source, "singularity");
    system.central = open(central, "centralcloud");
    await Promise.all([
      migrateAndSchedule("source", system.singularity.url, () => {}),
      migrateAndSchedule("central", system.central.url, () => {}),
    ]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([system.singularity?.pool.end(), system.central?.pool.end()]);
    await Promise.all([system.servers.source?.remove(), system.servers.central?.remove()]);
  });
  return system;
}

async function createServer(name: string, database: string): Promise<RestartableServer> {
  const profile = inject("fullProfile");
  if (profile === undefined) return ChaosServer.create(name, [database]);
  if ("missing" in profile) throw new Error(profile.missing);
  // Not at the top, because loading testcontainers takes a while that the other profile need not wait for.
  const { ContainerServer } = await import("./container-server.ts");
  return ContainerServer.create(profile.image);
}

function open(server: RestartableServer, name: string): TestDatabase {
  const url = server.urlOf(name);
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: url,
    application_name: harnessName,
    max: 4,
  });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return { name, url, pool };
}
