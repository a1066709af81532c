import pg from "pg";
import type { Backlog } from "../backlog.ts";
import type { Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { contendDrain } from "../systems/centralcloud.ts";
import { drainColumns } from "./drain.ts";

/** Holds a snapshot of each database for as long as `work` takes, as a long report or a dump would. */
async function whileHolding<Result>(
  databases: readonly Database[],
  work: () => Promise<Result>,
): Promise<Result> {
  const clients: pg.Client[] = [];
  try {
    for (const { url } of databases) {
      const client = new pg.Client({ connectionString: url, application_name: "bench" });
      client.on("error", () => {});
      clients.push(client);
      await client.connect();
      await client.query("begin isolation level repeatable read, read only");
      await client.query("select count(*) from pg_class");
    }
    return await work();
  } finally {
    for (const client of clients) await client.end();
  }
}

/** Dead rows can't be removed while somebody might still see them. */
export const snapshot: Scenario = {
  name: "snapshot",
  title: "Drain while another transaction holds a snapshot, 0.4 kB messages",
  plan(lab) {
    const waiting: Backlog = { messages: lab.sizes.snapshot, bytes: 420 };
    return {
      contenders: [
        contendDrain(lab, waiting, { name: "no snapshot" }),
        contendDrain(lab, waiting, {
          name: "held snapshot",
          detail: "a repeatable read transaction open in both databases for the whole run",
          meanwhile: ({ source, central }, drain) => whileHolding([source, central], drain),
        }),
      ],
      columns: drainColumns,
      baseline: "no snapshot",
      quick: ["held snapshot"],
      goals: [
        {
          what: "a held snapshot against none",
          contender: "held snapshot",
          figure: "perSecond",
          versus: "no snapshot",
          atLeast: 0.7,
        },
      ],
    };
  },
};
