import { createCapturedTables } from "@centralcloud/cdc";
import { beforeEach, describe, expect, test } from "vitest";
import { dropSlots, pluginsHere, useCapture } from "../support/capture.ts";
import { whileInTransaction } from "../support/concurrently.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

/* A table that another one replaces under its name: what is missing of it is marked, and nothing else is. */

const tables = createCapturedTables(["agents", "swapped"], []);
const make = `create table swapped (id integer primary key, label text);
              alter table swapped owner to centralcloud_owner;`;

describe.each(pluginsHere)("with %s", (plugin) => {
  const system = useSystem();
  failOnLeaks(system);
  const capture = useCapture(system, plugin);
  const query = (text: string) => system.singularity.pool.query(text);

  beforeEach(async () => {
    await dropSlots(system);
    await system.central.pool.query(
      "delete from central.capture_cursors; delete from central.change_log",
    );
    await query(
      "drop table if exists swapped, swapped_before, other.swapped; select end_publication()",
    );
  });

  const replacing = [
    ["renamed", "alter table swapped rename to swapped_before"],
    ["dropped", "drop table swapped"],
    ["moved", "create schema if not exists other; alter table swapped set schema other"],
  ] as const;

  test.each(replacing)("a table that is %s and made anew", async (_, replace) => {
    await query(make);
    const part = await capture.start({ tables });
    await part.observed("capture-reading");
    await query("insert into swapped values (1, 'before')");
    await capture.caughtUp();
    // In one message, and so before anybody can look.
    await query(`${replace}; ${make}; insert into swapped values (2, 'between')`);
    if (plugin === "pgoutput") await part.observed("capture-table-added");
    await query("insert into swapped values (3, 'after')");
    await capture.caughtUp();
    const labels = (await capture.log()).map(({ newValues }) => JSON.parse(newValues ?? "").label);
    const gaps = (await capture.marks()).filter(({ operation }) => operation === "gap");
    if (plugin === "wal2json") {
      expect({ labels, gaps }).toEqual({ labels: ["before", "between", "after"], gaps: [] });
      return;
    }
    expect(labels).toEqual(["before", "after"]);
    expect(gaps.map(({ newValues }) => JSON.parse(newValues ?? ""))).toMatchObject([
      {
        table: "swapped",
        from: expect.stringMatching(/^[0-9A-F]+\//),
        to: expect.stringMatching(/^[0-9A-F]+\//),
        reason: expect.stringContaining("what was written to it before is missing"),
      },
    ]);
  });

  test("a stored generated column changes nothing about what is published", async () => {
    await query(
      `create table swapped (id integer primary key, twice integer generated always as (2 * id) stored);
       alter table swapped owner to centralcloud_owner`,
    );
    const publish = "select name, change from publish_for_capture('{agents,swapped}')";
    await query(publish);
    const { rows } = await query(publish);
    expect(rows).toEqual([
      { name: "agents", change: null },
      { name: "swapped", change: null },
    ]);
  });

  test("a lock that somebody holds is waited for two seconds, and only where something changes", async () => {
    await query(make);
    await query("select publish_for_capture('{agents}')");
    await whileInTransaction(
      system.singularity.pool,
      (client) => client.query("lock table swapped in share update exclusive mode"),
      async () => {
        await query("select publish_for_capture('{agents}')");
        await expect(query("select publish_for_capture('{agents,swapped}')")).rejects.toMatchObject(
          {
            code: "55P03",
          },
        );
      },
    );
  });
});
