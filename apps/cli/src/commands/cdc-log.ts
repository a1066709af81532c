import { readChangeLog } from "@centralcloud/cdc";
import { databaseVariables } from "@centralcloud/consumer";
import { assertReachable, createPool, endPool } from "@centralcloud/db";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import { Command } from "commander";
import { showChanges } from "../show-change.ts";
import { collect, number, time } from "./options.ts";

interface LogOptions {
  readonly source?: string;
  readonly table?: readonly string[];
  readonly agent?: string;
  readonly session?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly limit: number;
  readonly json?: true;
}

export function cdcLogCommand(environment: Environment): Command {
  return new Command("log")
    .description("what the change log has: of this agent, this session, in this hour")
    .option("--source <name>", "of this source only")
    .option("--table <name>", "of this table only; may be given several times", collect)
    .option("--agent <id>", "of this agent only")
    .option("--session <id>", "of this session only")
    .option("--from <time>", "committed at this time or later", time("--from"))
    .option("--to <time>", "committed before this time", time("--to"))
    .option("--limit <count>", "the newest so many", number("--limit", 1), 100)
    .option("--json", "one JSON document on standard output")
    .action(async ({ table, agent, session, json, ...options }: LogOptions) => {
      const { CENTRAL_DATABASE_URL } = databaseVariables;
      const values = parseConfiguration({ CENTRAL_DATABASE_URL }, environment);
      const url = values.CENTRAL_DATABASE_URL;
      await assertReachable([url]);
      const central = createPool(url, { applicationName: "centralcloud-cli", max: 1 });
      try {
        const entries = await readChangeLog(central, {
          ...options,
          ...(table === undefined ? {} : { tables: table }),
          ...(agent === undefined ? {} : { agentId: agent }),
          ...(session === undefined ? {} : { sessionId: session }),
        });
        console.log(showChanges(entries, json === true));
      } finally {
        await endPool(central, 1_000);
      }
    });
}
