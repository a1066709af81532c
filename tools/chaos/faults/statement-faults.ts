import { contractFor, queueNames } from "@centralcloud/contracts";
import { pause } from "@centralcloud/service";
import type { ChaosDatabase } from "../servers/chaos-database.ts";
import { type Arena, type Fault, lengthOf, type PlannedFault } from "./arena.ts";
import { someSource } from "./choose-database.ts";
import { switchOn } from "./traps.ts";

/** A share of the merges is told to try again, for one of the reasons that PostgreSQL has. */
const failSomeMerges: Fault = async ({ databases, signal }, fault) => {
  const random = fault.random();
  const ms = lengthOf(fault, 1_000, 3_000);
  const sqlstate = random.pick(["40P01", "40001", "55P03", "57014", "53200"]);
  await switchOn(databases.central, { sqlstate, share: 0.2 + random.fraction() * 0.7, ms });
  await pause(ms, signal);
};

const diskFull = (fault: PlannedFault) => ({
  sqlstate: "53100",
  share: 1,
  ms: lengthOf(fault, 1_000, 4_000),
});

/** No merge can be written. */
const fillCentralDisk: Fault = async (arena, fault) => {
  await switchOn(arena.databases.central, diskFull(fault));
  await pause(lengthOf(fault, 1_000, 4_000), arena.signal);
};

/** Nothing can be archived or dead-lettered. */
const fillSourceDisk: Fault = async (arena, fault) => {
  await switchOn(someSource(arena, fault), diskFull(fault));
  await pause(lengthOf(fault, 1_000, 4_000), arena.signal);
};

/** A table is locked by somebody else, often for longer than a lease. */
function lockTable(
  choose: (arena: Arena, fault: PlannedFault) => readonly [ChaosDatabase, string],
): Fault {
  return async (arena, fault) => {
    const [database, table] = choose(arena, fault);
    const leaseMs = arena.settings.visibilityTimeoutS * 1000;
    await database.withClient(async (client) => {
      await client.query("set lock_timeout = '5s'");
      await client.query(`begin; lock table ${table} in access exclusive mode`);
      await pause(lengthOf(fault, 500, leaseMs * 1.5), arena.signal);
      await client.query("rollback");
    });
  };
}

const mergedTables = queueNames.flatMap((queue) =>
  contractFor(queue).tables.map((table) => `central.${table}`),
);

const queueTables = queueNames.flatMap((queue) => [
  `pgmq."q_${queue}"`,
  `pgmq."a_${queue}"`,
  `pgmq."q_${queue}-dlq"`,
]) as [string, ...string[]];

const lockCentralTable = lockTable(({ databases }, fault) => [
  databases.central,
  fault.random().pick(["central.processed_messages", ...mergedTables]),
]);

const lockSourceTable = lockTable((arena, fault) => [
  someSource(arena, fault),
  fault.random().pick(queueTables),
]);

export const statementFaults = {
  "merges failed": failSomeMerges,
  "central disk full": fillCentralDisk,
  "source disk full": fillSourceDisk,
  "central table locked": lockCentralTable,
  "source table locked": lockSourceTable,
} as const;
