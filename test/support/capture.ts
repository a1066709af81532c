import {
  type CaptureSettings,
  createCapture,
  createCapturedTables,
  defaultTables,
  type LogEntry,
  type LogFilter,
  readChangeLog,
} from "@centralcloud/cdc";
import type { Part } from "@centralcloud/service";
import { afterAll, afterEach, beforeAll, inject } from "vitest";
import type { TestSystem } from "./databases.ts";
import type { Observation } from "./observations.ts";
import { until } from "./until.ts";

type Plugin = "wal2json" | "pgoutput";

/** What a capture would choose here. Tests that take long run with this one: the other profile has the other. */
export const pluginHere: Plugin = inject("fullProfile") === undefined ? "pgoutput" : "wal2json";

/** What a capture would choose here first, and then the other one, where there are two. */
export const pluginsHere: readonly Plugin[] =
  inject("fullProfile") === undefined ? ["pgoutput"] : ["wal2json", "pgoutput"];

export interface TestCapture extends Part {
  readonly observations: readonly Observation[];
  /** Waits until it has observed such an event, and returns the newest. */
  observed<Event extends Observation["event"]>(
    event: Event,
  ): Promise<Extract<Observation, { event: Event }>>;
}

export interface CaptureTools {
  /** A capture of the system's databases; it is stopped after the test. */
  start(
    changes?: Partial<CaptureSettings>,
    onObservation?: (observation: Observation) => void,
  ): Promise<TestCapture>;
  /** Waits until everything that was committed so far has been recorded. */
  caughtUp(): Promise<void>;
  /** What the change log has, without the marks unless they are asked for; oldest first. */
  log(filter?: LogFilter): Promise<readonly LogEntry[]>;
  marks(): Promise<readonly LogEntry[]>;
}

export const captureDefaults: CaptureSettings = {
  enabled: true,
  tables: createCapturedTables(defaultTables, []),
  plugin: "auto",
  maxChangeBytes: 16 * 1024 * 1024,
  keepDays: 90,
};

/** Captures for the tests of the calling file or group, all over the same two databases. */
export function useCapture(system: TestSystem, plugin: Plugin | "auto" = "auto"): CaptureTools {
  const started: Part[] = [];
  beforeAll(() => prepareForCapture(system));
  afterEach(async () => {
    for (const part of started.splice(0)) await part.stop(5_000);
  });
  // A slot would keep its database from being dropped.
  afterAll(() => dropSlots(system));

  return {
    async start(changes = {}, onObservation = () => {}) {
      const observations: Observation[] = [];
      const part = createCapture(
        {
          sourceUrls: [system.singularity.url],
          centralUrl: system.central.url,
          ...captureDefaults,
          plugin,
          ...changes,
        },
        (observation) => {
          observations.push(observation);
          onObservation(observation);
        },
      );
      started.push(part);
      await part.start();
      const observed: TestCapture["observed"] = async (event) => {
        try {
          return await until(`the capture to observe ${event}`, () =>
            observations.findLast((one): one is never => one.event === event),
          );
        } catch (error) {
          throw new Error(`it observed only ${JSON.stringify(observations)}`, { cause: error });
        }
      };
      return { ...part, observations, observed };
    },
    caughtUp: () => caughtUp(system),
    async log(filter) {
      const entries = await readChangeLog(system.central.pool, { limit: 1_000_000, ...filter });
      return entries.filter((entry) => entry.table !== "*");
    },
    marks: () => readChangeLog(system.central.pool, { tables: ["*"] }),
  };
}

/** A clone has no rights that belong to the database itself. */
export async function prepareForCapture({ singularity }: TestSystem): Promise<void> {
  await singularity.pool.query(
    `grant create on database "${singularity.name}" to centralcloud_owner`,
  );
}

/** Waits until the server processes of captures that have stopped are gone, too. */
export async function nobodyReads({ singularity }: TestSystem): Promise<void> {
  await until("nobody to read the slots", async () => {
    const { rows } = await singularity.pool.query<{ active: number }>(
      "select count(*)::integer as active from pg_replication_slots where database = $1 and active",
      [singularity.name],
    );
    return rows[0]?.active === 0;
  });
}

export async function dropSlots(system: TestSystem): Promise<void> {
  const { singularity } = system;
  await nobodyReads(system);
  await singularity.pool.query(
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = $1",
    [singularity.name],
  );
}

/** @param timeoutMs for captures that have a great deal to record. */
export async function caughtUp(
  { singularity, central }: TestSystem,
  timeoutMs = 60_000,
): Promise<void> {
  const { rows } = await singularity.pool.query<{ lsn: string }>(
    `select (pg_current_wal_insert_lsn() - '0/0')::text as lsn`,
  );
  // Whoever reads it knows that everything before it has been given.
  await singularity.pool.query(
    "select pg_logical_emit_message(false, 'centralcloud.heartbeat', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))",
  );
  await until(
    "the change log to be complete",
    async () => {
      const { rows: cursors } = await central.pool.query<{ done: boolean }>(
        "select c.lsn >= $1 as done from central.capture_cursors c",
        [rows[0]?.lsn],
      );
      return cursors[0]?.done;
    },
    timeoutMs,
  );
}
