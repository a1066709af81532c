import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { caughtUp, dropSlots, pluginHere, prepareForCapture } from "../support/capture.ts";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

/** The long form: `CDC_LARGE_TRANSACTION_ROWS=1000000`. */
const rowCount = Number(process.env.CDC_LARGE_TRANSACTION_ROWS ?? 30_000);
/** Together they are many times as large as the memory that the reader may take. */
const fillingBytes = Math.max(2_000, 240_000_000 / rowCount);
const heapMegabytes = 64;
const residentMegabytes = 256;
const timeoutMs = 120_000 + rowCount;

vi.setConfig({ testTimeout: 3 * timeoutMs });

describe.each([pluginHere])("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  beforeAll(() => prepareForCapture(system));
  afterAll(() => dropSlots(system));

  test("a large transaction is recorded whole, in bounded memory", async () => {
    const { singularity, central } = system;
    await singularity.pool.query(
      `create table wide (id integer primary key, filling text);
       alter table wide alter filling set storage external;
       alter table wide owner to centralcloud_owner`,
    );
    const reader = startCommand(["cdc", "run"], {
      ...environmentOf(system),
      CDC_TABLES: "wide",
      CDC_OUTPUT_PLUGIN: plugin,
      NODE_OPTIONS: `--max-old-space-size=${heapMegabytes}`,
    });
    try {
      await until("the slot to be read", () => reader.output().includes("capture-reading"));
      await singularity.pool.query(
        `insert into wide
         select g, repeat(md5(g::text), ${Math.ceil(fillingBytes / 32)}) from generate_series(1, $1) g`,
        [rowCount],
      );
      const seen = new Set<number>();
      await until(
        "it to be recorded",
        async () => {
          const { rows } = await central.pool.query<{ count: number }>(
            "select count(*)::integer as count from central.change_log where table_name = 'wide'",
          );
          seen.add(rows[0]?.count ?? 0);
          return seen.has(rowCount);
        },
        timeoutMs,
      );
      expect([...seen], "nobody sees a part of it").toEqual([0, rowCount]);
      await caughtUp(system, timeoutMs);
      const peak = peakMegabytes(reader.child.pid);
      console.log(`${rowCount} rows with ${plugin}: the reader took at most ${peak} MB`);
      expect(peak).toBeLessThan(residentMegabytes);
      const { rows } = await central.pool.query(
        `select count(distinct ordinal)::integer as ordinals, min(ordinal) as first, max(ordinal) as last,
                count(distinct key ->> 'id')::integer as keys, count(distinct lsn)::integer as transactions
           from central.change_log where table_name = 'wide'`,
      );
      expect(rows).toEqual([
        { ordinals: rowCount, first: 0, last: rowCount - 1, keys: rowCount, transactions: 1 },
      ]);
    } finally {
      reader.child.kill("SIGTERM");
      await reader.finished;
    }
  });
});

/** What a process ever had in memory; only Linux tells. */
function peakMegabytes(pid: number | undefined): number {
  if (process.platform !== "linux") return 0;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
