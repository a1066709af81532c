import { createCapturedTables } from "@centralcloud/cdc";
import { beforeAll, expect, test, vi } from "vitest";
import type { StopMode } from "../../tools/chaos/servers/chaos-server.ts";
import { pluginHere, useCapture } from "../support/capture.ts";
import { createSteps, expectEveryStepOnce } from "../support/numbered-steps.ts";
import { useRestartableSystem } from "../support/restartable-system.ts";
import { until } from "../support/until.ts";

// Each restart costs a reader a second or two, and a busy machine more.
vi.setConfig({ testTimeout: 120_000 });

/*
 * On servers of its own, which are restarted for real: embedded ones with pgoutput, and containers with wal2json.
 */

const system = useRestartableSystem();
const capture = useCapture(system);
const tables = createCapturedTables(["steps"], []);
let written = 0;

beforeAll(async () => {
  await createSteps(system.singularity.pool);
});

/** One transaction of more changes than go to the central store at once. */
async function write(): Promise<void> {
  await system.singularity.pool.query(
    `insert into steps select g, 0 from generate_series($1::integer + 1, $1 + 1200) g`,
    [written],
  );
  await system.singularity.pool.query("update steps set step = step + 1 where id > $1", [written]);
  written += 1_200;
}

/** Whether the reader's statement waits for a lock in the central store, having written or not. */
async function waits(hasWritten: boolean): Promise<boolean> {
  const { rows } = await system.central.pool.query<{ waits: boolean }>(
    `select exists (select from pg_stat_activity
       where application_name = 'centralcloud-cdc' and wait_event_type = 'Lock'
         and (backend_xid is not null) = $1) as waits`,
    [hasWritten],
  );
  return rows[0]?.waits ?? false;
}

/** Takes a lock in the central store; returns how to let go, also of a server that has gone. */
async function lock(statement: string): Promise<() => void> {
  const client = await system.central.pool.connect();
  await client.query(`begin; ${statement}`);
  return () => client.release(true);
}

async function recorded(): Promise<number> {
  const { rows } = await system.central.pool.query<{ count: number }>(
    "select count(distinct key ->> 'id')::integer as count from central.change_log where table_name = 'steps'",
  );
  return rows[0]?.count ?? 0;
}

async function walSender(): Promise<number> {
  return await until("the slot to be read", async () => {
    const { rows } = await system.singularity.pool.query<{ pid: number }>(
      "select active_pid as pid from pg_replication_slots where active_pid is not null",
    );
    return rows[0]?.pid;
  });
}

async function isConfirmed(): Promise<boolean> {
  const { rows: cursors } = await system.central.pool.query<{ lsn: string }>(
    "select lsn::text from central.capture_cursors",
  );
  const { rows } = await system.singularity.pool.query<{ confirmed: boolean }>(
    "select confirmed_flush_lsn - '0/0' >= $1::numeric as confirmed from pg_replication_slots",
    [cursors[0]?.lsn],
  );
  return rows[0]?.confirmed ?? false;
}

/** Brings a transaction to a point of its way; returns what lets it continue, called once the server goes down. */
const points: Record<string, () => Promise<() => unknown>> = {
  async received() {
    const release = await lock("lock table central.change_log in access exclusive mode");
    await write();
    await until("the reader to wait with what it received", () => waits(false));
    return release;
  },
  async "being written"() {
    const release = await lock("select from central.capture_cursors for update");
    await write();
    await until("the reader to wait with what it has written", () => waits(true));
    return release;
  },
  async "written but not confirmed"() {
    const release = await lock("lock table central.change_log in access exclusive mode");
    await write();
    await until("the reader to wait with what it received", () => waits(false));
    const { source } = system.servers;
    const pid = await walSender();
    await source.signal(pid, "SIGSTOP");
    release();
    await until("it to be written", async () => (await recorded()) === written);
    expect(await isConfirmed()).toBe(false);
    return () => source.signal(pid, "SIGCONT");
  },
  async confirmed() {
    await write();
    await capture.caughtUp();
    await until("it to be confirmed", isConfirmed);
    return () => {};
  },
};

async function restart(side: "source" | "central", mode: StopMode, onGoingDown: () => unknown) {
  const server = system.servers[side];
  const { port } = server;
  await server.stop(mode, onGoingDown);
  await server.start();
  expect(server.port, "somebody took the server's port meanwhile").toBe(port);
}

test.each(Object.keys(points))(
  "a transaction that is %s when either server restarts is recorded once",
  async (point) => {
    const part = await capture.start({ tables });
    expect(await part.observed("capture-reading")).toMatchObject({ plugin: pluginHere });
    for (const side of ["central", "source"] as const) {
      for (const mode of ["fast", "immediate"] as const) {
        const letGo = await points[point]?.();
        await restart(side, mode, letGo ?? (() => {}));
        await write();
        await capture.caughtUp();
        await expectEveryStepOnce(system);
      }
    }
    expect(part.observations.some(({ event }) => event === "capture-lost")).toBe(false);
  },
);
