import { describe, expect, test } from "vitest";
import { whileInTransaction } from "../support/concurrently.ts";
import { drainAll } from "../support/consumer.ts";
import type { TestDatabase } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { addNewKey } from "../support/session-keys.ts";
import { both, patterns, send, useCopies } from "../support/source-copies.ts";
import { until } from "../support/until.ts";

const { system, copy, renew } = useCopies();
failOnLeaks();

describe("a session that is changed while the copy gets its id", () => {
  const insert = "insert into agent_sessions (agent_id, state) values ('a', '{\"n\": 1}')";
  const sync = ({ pool }: TestDatabase) => pool.query("select sync_learning_to_centralcloud()");

  test("is sealed for the new id, whether it comes before or after", async () => {
    const key = await addNewKey(system.singularity, "key-1", { activate: true });
    await drainAll(system, { sessionKeys: [key] });
    const clone = await copy();
    await send(clone, "of the copy");
    const { central } = system;
    const asks = await whileInTransaction(
      central.pool,
      (client) => client.query("lock table central.lanes in access exclusive mode"),
      async () => {
        const renewing = renew(clone);
        renewing.catch(() => {});
        await until("the copies are looked up", async () => {
          const { rows } = await central.pool.query(
            "select from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'look_up_deliveries'",
          );
          return rows.length > 0;
        });
        const inserting = clone.pool.query(insert);
        await until("the session waits", async () => {
          const { rows } = await clone.pool.query(
            "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~ '^insert into agent_sessions'",
          );
          return rows.length > 0;
        });
        return { renewing, inserting };
      },
    );
    await Promise.all([asks.renewing, asks.inserting]);
    await sync(clone);
    const { report } = await drainAll(system, { ...both(clone), sessionKeys: [key] });
    expect(report).toMatchObject({ processed: 2, deadLettered: 0 });
  });

  test("is sealed for the new id also by a transaction that still sees the old one", async () => {
    const key = await addNewKey(system.singularity, "key-1", { activate: true });
    await drainAll(system, { sessionKeys: [key] });
    const clone = await copy();
    const client = await clone.pool.connect();
    await client.query("begin isolation level repeatable read");
    await client.query("select source_id from singularity_source");
    await renew(clone);
    await client.query(insert);
    await client.query("commit");
    client.release();
    await sync(clone);
    const { report } = await drainAll(system, { ...both(clone), sessionKeys: [key] });
    expect(report).toMatchObject({ processed: 1, deadLettered: 0 });
  });

  test("does not fail its application, which has a queue already", async () => {
    await drainAll(system);
    const clone = await copy();
    const client = await clone.pool.connect();
    await client.query("begin");
    await client.query("select pgmq.send($1, '{}')", [patterns]);
    const renewing = renew(clone);
    renewing.catch(() => {});
    await until("it has looked at the queues", async () => {
      const { rows } = await clone.pool.query(
        "select from pg_stat_activity where datname = current_database() and query ~ '^(rollback|lock table pgmq)'",
      );
      return rows.length > 0;
    });
    await client.query(insert);
    await client.query("commit");
    client.release();
    expect(await renewing).toMatchObject({ kept: 1 });
  });
});
