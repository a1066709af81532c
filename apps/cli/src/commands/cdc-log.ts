import {
  captureVariables,
  createCapturedTables,
  defaultTables,
  readChangeLog,
  readLogNames,
} from "@centralcloud/cdc";
import { databaseVariables } from "@centralcloud/consumer";
import type { TimeBound } from "@centralcloud/dead-letters";
import { askCentral } from "@centralcloud/inspect";
import { ConfigurationError, type Environment, parseConfiguration } from "@centralcloud/service";
import { Command } from "commander";
import type { Pool } from "pg";
import { maskChange, type Shown, showChanges } from "../show-change.ts";
import { timeoutOption } from "../sources.ts";
import { addRevealOptions, type RevealOptions, readRevealing, showRevealed } from "./dlq/reveal.ts";
import { assertKnown, collect, momentOf, number, timeBound, timeForms } from "./options.ts";

interface LogOptions extends RevealOptions {
  readonly source?: string;
  readonly table?: readonly string[];
  readonly agent?: string;
  readonly session?: string;
  readonly from?: TimeBound;
  readonly to?: TimeBound;
  readonly before?: string;
  readonly limit: number;
  readonly timeout?: number;
  readonly json?: true;
}

export function cdcLogCommand(environment: Environment): Command {
  const command = new Command("log").description(
    "what the change log has: of this agent, this session, in this hour; contents are masked",
  );
  return addRevealOptions(command)
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
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async (options: LogOptions) => {
      const { table, agent, session, source, from, to, before, limit, timeout, json } = options;
      const filter = {
        limit,
        ...(before === undefined ? {} : { before }),
        ...(source === undefined ? {} : { source }),
        ...(table === undefined ? {} : { tables: table }),
        ...(agent === undefined ? {} : { agentId: agent }),
        ...(session === undefined ? {} : { sessionId: session }),
      };
      const request = readRevealing(options);
      const { CENTRAL_DATABASE_URL } = databaseVariables;
      const { CDC_TABLES } = captureVariables;
      const values = parseConfiguration({ CENTRAL_DATABASE_URL, CDC_TABLES }, environment);
      const captured = createCapturedTables(values.CDC_TABLES ?? defaultTables, []).names;
      const asked = await askCentral(
        values.CENTRAL_DATABASE_URL,
        // The store is ours, and how many entries are wanted is said.
        { ...(timeout === undefined ? {} : { timeout }), answerBytes: Number.POSITIVE_INFINITY },
        async (central) => {
          const known = await readLogNames(central, table ?? []);
          assertKnown("--source", source === undefined ? [] : [source], known.sources);
          assertKnown("--table", table ?? [], [...new Set([...captured, ...known.tables])]);
          const bounds = await boundsOf(central, from, to);
          return await readChangeLog(central, { ...filter, ...bounds });
        },
      );
      await showRevealed(environment, request, { of: "cdc log", ...filter, from, to }, async () => {
        const mask = (entries: readonly Shown[]) =>
          request === undefined ? entries.map(maskChange) : entries;
        showChanges({ ...asked, answers: asked.answers.map(mask) }, { json: json === true });
      });
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
