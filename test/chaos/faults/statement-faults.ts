import { pause } from "@centralcloud/service";
import pg from "pg";
import type { ChaosDatabase } from "../servers/chaos-database.ts";
import { consumerLogin } from "../servers/prepare-databases.ts";
import { type Arena, type Fault, lengthOf, type PlannedFault } from "./arena.ts";
import { switchOn } from "./traps.ts";

function someSource({ databases }: Arena, fault: PlannedFault): ChaosDatabase {
  const [first = databases.central, ...others] = databases.sources.map(({ database }) => database);
  return fault.random().pick([first, ...others]);
}

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

const lockCentralTable = lockTable(({ databases }, fault) => [
  databases.central,
  fault
    .random()
    .pick([
      "central.processed_messages",
      "central.patterns",
      "central.pattern_agents",
      "central.agent_sessions",
      "central.knowledge_summaries",
    ]),
]);

const lockSourceTable = lockTable((arena, fault) => [
  someSource(arena, fault),
  fault
    .random()
    .pick([
      'pgmq."q_centralcloud-new-patterns"',
      'pgmq."q_agent-sessions"',
      'pgmq."a_centralcloud-new-patterns"',
      'pgmq."q_agent-knowledge-updates-dlq"',
    ]),
]);

/**
 * A real deadlock: holds the row that merges of the commonest pattern come to last, waits until one of
 * them waits for it, and then wants a row that this one has. The merge has waited longer, so it is the
 * one that PostgreSQL ends.
 */
const deadlock: Fault = async ({ databases: { central }, signal }) => {
  await central.withClient(async (client) => {
    await client.query("begin");
    const select = "select fingerprint from central.patterns";
    const fingerprint = await lockCommonest(client, select, "for update");
    await untilBlocked(central, client, signal);
    await client
      .query("select from central.pattern_agents where fingerprint = $1 for update", [fingerprint])
      // The suite's own transaction was the victim, or the merge was ended otherwise.
      .catch(() => {});
    await client.query("rollback");
  });
};

/** Waits until a merge waits for what this client has locked. */
async function untilBlocked(
  database: ChaosDatabase,
  client: pg.ClientBase,
  signal: AbortSignal,
): Promise<void> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const deadline = performance.now() + 3_000;
  while (performance.now() < deadline && !signal.aborted) {
    const blocked = await database.query(
      "select from pg_stat_activity where usename = $1 and $2 = any (pg_blocking_pids(pid))",
      [consumerLogin.name, rows[0]?.pid],
    );
    if (blocked.length > 0) return;
    await pause(30, signal);
  }
  throw new Error("no merge came by in time");
}

/**
 * Real serialization failures: in a stricter isolation level, a merge that waits for a row must fail
 * when the row's holder has changed it.
 */
const raiseIsolation: Fault = async ({ databases: { central }, signal }, fault) => {
  const role = pg.escapeIdentifier(consumerLogin.name);
  const level = fault.random().pick(["repeatable read", "serializable"]);
  const deadline = performance.now() + lengthOf(fault, 1_500, 4_000);
  try {
    await central.query(`alter role ${role} set default_transaction_isolation = '${level}'`);
    await reconnectConsumers(central);
    while (performance.now() < deadline && !signal.aborted) await touchCommonest(central, signal);
  } finally {
    await central.queryPatiently(`alter role ${role} reset default_transaction_isolation`);
    await reconnectConsumers(central);
  }
};

/** Writes the commonest pattern anew, as it is, once a merge waits for it. */
async function touchCommonest(central: ChaosDatabase, signal: AbortSignal): Promise<void> {
  await central.withClient(async (client) => {
    await client.query("begin");
    await lockCommonest(
      client,
      "update central.patterns set pattern = pattern",
      "returning fingerprint",
    );
    await untilBlocked(central, client, signal);
    await client.query("commit");
  });
}

/** @returns the fingerprint of the pattern that most messages are about, its row locked */
async function lockCommonest(client: pg.ClientBase, verb: string, ending: string): Promise<Buffer> {
  const { rows } = await client.query<{ fingerprint: Buffer }>(
    `${verb} where fingerprint = (
       select p.fingerprint from central.patterns p order by p.observation_count desc limit 1)
     ${ending}`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("no pattern was merged yet");
  return row.fingerprint;
}

async function reconnectConsumers(database: ChaosDatabase): Promise<void> {
  await database.queryPatiently(
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1",
    [consumerLogin.name],
  );
}

export const statementFaults = {
  "merges failed": failSomeMerges,
  deadlock,
  "serialization failures": raiseIsolation,
  "central disk full": fillCentralDisk,
  "source disk full": fillSourceDisk,
  "central table locked": lockCentralTable,
  "source table locked": lockSourceTable,
} as const;
