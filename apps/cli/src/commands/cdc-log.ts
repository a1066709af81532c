import {
  captureVariables,
  createCapturedTables,
  defaultTables,
  readChangeLog,
  readLogNames,
} from "@centralcloud/cdc";
import { databaseVariables } from "@centralcloud/consumer";
import type { TimeBound } from "@centralcloud/dead-letters";
import { assertReachable, createPool, endPool } from "@centralcloud/postgres";
import { ConfigurationError, type Environment, parseConfiguration } from "@centralcloud/service";
import { Command } from "commander";
import type { Pool } from "pg";
import { print } from "../output.ts";
import { formatChanges } from "../show-change.ts";
import { assertKnown, collect, momentOf, number, timeBound, timeForms } from "./options.ts";

interface LogOptions {
  readonly source?: string;
  readonly table?: readonly string[];
  readonly agent?: string;
  readonly session?: string;
  readonly from?: TimeBound;
  readonly to?: TimeBound;
  readonly before?: string;
  readonly limit: number;
  readonly json?: true;
}

export function cdcLogCommand(environment: Environment): Command {
  return new Command("log")
    .description("what the change log has: of this agent, this session, in this hour")
    .option("--source <name>", "of this source only, by name or id")
    .option("--table <name>", "of this table only; may be given several times", collect)
    .option("--agent <id>", "of this agent only")
    .option("--session <id>", "of this session only")
    .option("--from <time>", `committed then or later: ${timeForms}`, timeBound)
    .option("--to <time>", "committed before then", timeBound)
    .option(
      "--before <cursor>",
      "those before the entry that has this cursor, in the JSON document",
    )
    .option("--limit <count>", "the newest so many", number("--limit", 1), 100)
    .option("--json", "one JSON document on standard output")
    .action(async (options: LogOptions) => {
      const { table, agent, session, source, from, to, before, limit, json } = options;
      const { CENTRAL_DATABASE_URL } = databaseVariables;
      const { CDC_TABLES } = captureVariables;
      const values = parseConfiguration({ CENTRAL_DATABASE_URL, CDC_TABLES }, environment);
      const url = values.CENTRAL_DATABASE_URL;
      await assertReachable([url]);
      const central = createPool(url, {
        applicationName: "centralcloud-cli",
        max: 1,
        // The store is ours, and how many entries are wanted is said.
        answerBytes: Number.POSITIVE_INFINITY,
      });
      try {
        const known = await readLogNames(central, table ?? []);
        const captured = createCapturedTables(values.CDC_TABLES ?? defaultTables, []).names;
        assertKnown("--source", source === undefined ? [] : [source], known.sources);
        assertKnown("--table", table ?? [], [...new Set([...captured, ...known.tables])]);
        const entries = await readChangeLog(central, {
          limit,
          ...(before === undefined ? {} : { before }),
          ...(await boundsOf(central, from, to)),
          ...(source === undefined ? {} : { source }),
          ...(table === undefined ? {} : { tables: table }),
          ...(agent === undefined ? {} : { agentId: agent }),
          ...(session === undefined ? {} : { sessionId: session }),
        });
        print(formatChanges(entries, json === true));
      } finally {
        await endPool(central, 1_000);
      }
    });
}

/** By the central store's clock. */
async function boundsOf(central: Pool, from: TimeBound | undefined, to: TimeBound | undefined) {
  const bounds = {
    ...(from === undefined ? {} : { from: await momentOf(central, from) }),
    ...(to === undefined ? {} : { to: await momentOf(central, to) }),
  };
  if (bounds.from === undefined || bounds.to === undefined || bounds.from < bounds.to)
    return bounds;
  throw new ConfigurationError([
    `error: nothing is committed from ${bounds.from} on and before ${bounds.to}`,
  ]);
}
