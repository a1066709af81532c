import { pause } from "@centralcloud/service";
import pg from "pg";
import type { ChaosDatabase } from "../servers/chaos-database.ts";
import { consumerLogin } from "../servers/prepare-databases.ts";
import { type Fault, lengthOf } from "./arena.ts";

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
    await central.queryUntilAnswered(`alter role ${role} reset default_transaction_isolation`);
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
  await database.queryUntilAnswered(
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1",
    [consumerLogin.name],
  );
}

export const conflictFaults = {
  deadlock,
  "serialization failures": raiseIsolation,
} as const;
