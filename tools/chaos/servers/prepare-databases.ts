import { queueNames } from "@centralcloud/contracts";
import { readSource } from "@centralcloud/db";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { setCentralTraps, setSourceTraps } from "../faults/traps.ts";
import { ChaosDatabase } from "./chaos-database.ts";
import { ChaosServer } from "./chaos-server.ts";
import { removeAbandonedGrounds } from "./ground.ts";

/** The login of the consumers: with the rights that production gives them, and no more. */
export const consumerLogin = { name: "chaos_consumer", password: "chaos" } as const;

export interface SourceDatabase {
  readonly database: ChaosDatabase;
  readonly sourceId: string;
  /** What the source says that it is called. */
  readonly name: string;
}

export interface Databases {
  readonly central: ChaosDatabase;
  readonly sources: readonly SourceDatabase[];
  /** Deletes everything. */
  remove(): Promise<void>;
}

/** A server for the central store and one for each source, so that each can be restarted alone. */
export async function prepareDatabases(options: {
  readonly sources: number;
  /** How long merging and archiving take at most beyond their own time. */
  readonly dawdleMs: number;
}): Promise<Databases> {
  const { sources, dawdleMs } = options;
  const servers: ChaosServer[] = [];
  const opened: ChaosDatabase[] = [];
  const open = async (name: string, database: string) => {
    const server = await ChaosServer.create(name, [database]);
    servers.push(server);
    const made = new ChaosDatabase(server, database);
    opened.push(made);
    return made;
  };
  const remove = async () => {
    await Promise.all(opened.map((database) => database.close()));
    await Promise.all(servers.map((server) => server.remove()));
  };
  await removeAbandonedGrounds();
  const preparing = [
    open("central", "centralcloud").then((database) => prepareCentral(database, dawdleMs)),
    ...Array.from({ length: sources }, (_, index) =>
      open(`source-${index + 1}`, "singularity").then((database) =>
        prepareSource(database, dawdleMs),
      ),
    ),
  ] as const;
  try {
    const [central, ...singularities] = await Promise.all(preparing);
    return { central, sources: singularities as SourceDatabase[], remove };
  } catch (error) {
    // The others may still be starting.
    await Promise.allSettled(preparing);
    await remove();
    throw error;
  }
}

async function prepareCentral(central: ChaosDatabase, dawdleMs: number): Promise<ChaosDatabase> {
  await migrateAndSchedule("central", central.server.urlOf(central.name), () => {});
  await makeLogin(central);
  await setCentralTraps(central, dawdleMs);
  return central;
}

async function prepareSource(database: ChaosDatabase, dawdleMs: number): Promise<SourceDatabase> {
  await migrateAndSchedule("source", database.server.urlOf(database.name), () => {});
  await makeLogin(database);
  await setSourceTraps(database, queueNames, dawdleMs);
  await database.query("update public.singularity_source set name = $1", [database.server.name]);
  return { database, ...(await database.withClient((client) => readSource(client))) };
}

async function makeLogin(database: ChaosDatabase): Promise<void> {
  const { name, password } = consumerLogin;
  await database.query(
    `create role ${pg.escapeIdentifier(name)} login in role centralcloud_consumer
       password ${pg.escapeLiteral(password)}`,
  );
}
