import type { MergeBatch } from "@centralcloud/central";
import { contractFor, type QueueName } from "@centralcloud/contracts";
import { beforeEach, describe, expect, test } from "vitest";
import { endedOrBlocked } from "../support/blocked.ts";
import { emptyCentral } from "../support/central-content.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { mergeCases, sourceIds } from "../support/merge-cases.ts";
import { queueCases } from "../support/queue-cases.ts";
import { processOf, useConnections } from "../support/single-connection.ts";

const system = useSystem();
failOnLeaks(system);
const connections = useConnections(system, "central", 3);

const numbers = [0, 1, 2, 3, 4];

/** A batch of five messages about the same things as every other of its queue; in another order if asked. */
function batchOf(
  queue: QueueName,
  firstId: number,
  order = numbers,
  sourceId = sourceIds[0],
): MergeBatch {
  return {
    sourceId: sourceId ?? "",
    queue,
    messages: order.map((n) => ({
      msgId: String(firstId + n),
      enqueuedAt: "2025-10-25T10:00:00Z",
      document: JSON.stringify(queueCases[queue].colliding(n)),
    })),
  };
}

const backwards = numbers.toReversed();

async function rowsOf(table: string): Promise<readonly string[]> {
  const { rows } = await system.central.pool.query<{ id: string }>(
    `select ctid::text as id from central.${table}`,
  );
  return rows.map(({ id }) => id);
}

/** How many rows of a table nobody has locked. */
async function freeRows(table: string): Promise<number> {
  const { rows } = await system.central.pool.query<{ count: number }>(
    `select count(*)::integer as count from (select from central.${table} for update skip locked) t`,
  );
  return rows[0]?.count ?? 0;
}

beforeEach(() => emptyCentral(system.central.pool));

describe.each(mergeCases)("merges of $queue", ({ queue, merge }) => {
  const tables = queueCases[queue].lockedTables;

  /** Two batches start while `hold` is in the way, each until it stands; then the way is free. */
  async function collide(hold: string, first: MergeBatch, second: MergeBatch) {
    const [blocker, a, b] = connections;
    if (blocker === undefined || a === undefined || b === undefined)
      throw new Error("no connection");
    const merges: Promise<{ merged: number }>[] = [];
    const met: string[] = [];
    await blocker.query("begin");
    try {
      await blocker.query(hold);
      for (const [pool, batch] of [[a, first] as const, [b, second] as const]) {
        const pid = await processOf(pool);
        const merging = merge(pool, batch);
        merges.push(merging);
        met.push(await endedOrBlocked(system.central.pool, pid, merging));
      }
    } finally {
      await blocker.query("rollback");
      await Promise.allSettled(merges);
    }
    const results = await Promise.all(merges); // a deadlock rejects one of them
    return { met, merged: results.reduce((sum, { merged }) => sum + merged, 0) };
  }

  test("never deadlock over rows that both change, wherever the first one is held up", async () => {
    await merge(system.central.pool, batchOf(queue, 0));
    let nextId = 100;
    let held = 0;
    for (const table of tables) {
      for (let row = 0; row < (await rowsOf(table)).length; row++) {
        const id = (await rowsOf(table))[row];
        const first = batchOf(queue, nextId, numbers);
        const second = batchOf(queue, nextId + 10, backwards);
        const hold = `select from central.${table} where ctid = '${id}' for update`;
        const { met, merged } = await collide(hold, first, second);
        if (met.includes("blocked")) held += 1;
        expect(merged).toBe(10);
        nextId += 20;
      }
    }
    expect(held).toBeGreaterThanOrEqual(5);
  });

  test("never deadlock over the ledger, and count each message once", async () => {
    await merge(system.central.pool, batchOf(queue, 0));
    for (const held of numbers) {
      const firstId = 100 + 10 * held;
      const hold = `
        insert into central.processed_messages (lane_id, msg_id, enqueued_at)
        select lane_id, ${firstId + held}, '2025-10-25T10:00:00Z' from central.lanes
         where queue = '${queue}' and source_id = '${sourceIds[0]}'`;
      const result = await collide(
        hold,
        batchOf(queue, firstId),
        batchOf(queue, firstId, backwards),
      );
      expect(result).toEqual({ met: ["blocked", "blocked"], merged: 5 });
    }
  });

  test("never deadlock over things that neither has seen before", async () => {
    for (const n of numbers) {
      await emptyCentral(system.central.pool);
      const [message] = batchOf(queue, 500 + n, [n]).messages;
      const hold = `
        select from central.${contractFor(queue).merge}(
          '${sourceIds[0]}', '${queue}', '{900}', '{2025-10-25T10:00:00Z}', '[${message?.document}]')`;
      const result = await collide(hold, batchOf(queue, 100), batchOf(queue, 200, backwards));
      expect(result).toEqual({ met: ["blocked", "blocked"], merged: 10 });
    }
  });

  test("of two sources never deadlock", async () => {
    await merge(system.central.pool, batchOf(queue, 0));
    const [table = ""] = tables.slice(-1);
    const [id] = await rowsOf(table);
    const hold = `select from central.${table} where ctid = '${id}' for update`;
    const second = batchOf(queue, 100, backwards, sourceIds[1]);
    expect((await collide(hold, batchOf(queue, 100), second)).merged).toBe(10);
  });

  test(`lock in this order: ${tables.join(", ")}`, async () => {
    const [blocker, a] = connections;
    if (blocker === undefined || a === undefined) throw new Error("no connection");
    await merge(system.central.pool, batchOf(queue, 0));
    let nextId = 100;
    for (const [place, table] of tables.entries()) {
      for (let row = 0; row < (await rowsOf(table)).length; row++) {
        const all = await Promise.all(tables.map(freeRows));
        await blocker.query("begin");
        const id = (await rowsOf(table))[row];
        await blocker.query(`select from central.${table} where ctid = '${id}' for update`);
        const pid = await processOf(a);
        const merging = merge(a, batchOf(queue, nextId));
        nextId += 10;
        const met = await endedOrBlocked(system.central.pool, pid, merging);
        const free = await Promise.all(tables.map(freeRows));
        await blocker.query("rollback");
        await merging;
        expect(met).toBe("blocked");
        // It has locked all that comes before, and nothing of what comes behind.
        expect(free.slice(0, place)).toEqual(tables.slice(0, place).map(() => 0));
        expect(free.slice(place + 1)).toEqual(all.slice(place + 1));
      }
    }
  });
});
