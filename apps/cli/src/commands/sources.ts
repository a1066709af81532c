import { adoptSource } from "@centralcloud/central";
import { recordAction, renewSource, type TimeBound } from "@centralcloud/dead-letters";
import { createPool, endPool } from "@centralcloud/postgres";
import { type Environment, printable } from "@centralcloud/service";
import { Command } from "commander";
import { coloured } from "../format-table.ts";
import {
  type CheckResult,
  chooseRefused,
  type JudgedSource,
  withCheckResult,
} from "../judged-sources.ts";
import { print } from "../output.ts";
import { showRows } from "../show-answers.ts";
import { timeoutOption } from "../sources.ts";
import { readRequest } from "./dlq/action.ts";
import { momentOf, timeBound, timeForms } from "./options.ts";

export function sourcesCommand(environment: Environment): Command {
  return new Command("sources")
    .description("which database is which source, and decisions about copies and moves")
    .addCommand(listCommand(environment))
    .addCommand(adoptCommand(environment))
    .addCommand(renewCommand(environment));
}

function listCommand(environment: Environment): Command {
  return new Command("list")
    .description(
      "every source that is known or configured: its id, server and state (ok, conflict, moved)",
    )
    .addOption(timeoutOption())
    .option("--json", "one JSON document on standard output")
    .action(async ({ json = false, timeout }: { json?: boolean; timeout: number }) => {
      await withCheckResult(environment, { timeout }, async (checkResult) => {
        const { asked } = checkResult;
        const rows = { ...asked, answers: [rowsOf(checkResult)] };
        showRows(rows, { json, name: "sources", describe: shorten, meaningOf });
      });
    });
}

const meaningOf = coloured({ state: { conflict: "bad", moved: "warning" } });

interface SourceRow {
  readonly id: string;
  readonly name: string;
  /** Where it is configured, or was last. */
  readonly server: string | null;
  readonly state: string;
  /** Why it is not ok. */
  readonly reason: string | null;
  readonly isConfigured: boolean;
  readonly systemId: string | null;
  readonly databaseOid: number | null;
  readonly timeline: number | null;
  readonly decision: string | null;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
}

function rowsOf({ asked, registered }: CheckResult): readonly SourceRow[] {
  const decisionOf = (id: string, isOk: boolean) => {
    const known = isOk ? registered.find(({ sourceId }) => sourceId === id) : undefined;
    const { decision = null, decidedBy = null, decidedAt = null } = known ?? {};
    return { decision, decidedBy, decidedAt };
  };
  const configured = asked.answers.map(({ address, source, state, reason }): SourceRow => {
    const { sourceId: id, name, server } = source;
    const { systemId, databaseOid, timeline } = server;
    const facts = { systemId, databaseOid, timeline };
    const isOk = state === "ok";
    const where = { server: address, state, reason, isConfigured: true };
    return { id, name, ...where, ...facts, ...decisionOf(id, isOk) };
  });
  const held = new Set(configured.filter(({ state }) => state === "ok").map(({ id }) => id));
  const others = registered
    .filter(({ sourceId }) => !held.has(sourceId))
    .map(({ sourceId: id, name, addresses, systemId, databaseOid, timeline }): SourceRow => {
      const where = { server: addresses[0] ?? null, state: "ok", reason: null };
      const facts = { isConfigured: false, systemId, databaseOid, timeline };
      return { id, name, ...where, ...facts, ...decisionOf(id, true) };
    });
  return [...configured, ...others];
}

/** What fits on a line; `--json` has all. */
function shorten({ id, name, server, state, decision, decidedBy, reason }: SourceRow) {
  const decided = decision === null ? null : `${decision} by ${decidedBy}`;
  return { id, name, server, state, decided, reason };
}

interface DecisionOptions {
  readonly source?: string;
  readonly reason?: string;
  readonly actor?: string;
  readonly json?: true;
}

function addDecisionOptions(command: Command): Command {
  return command
    .argument("[source]", "the same as --source")
    .option(
      "--source <name>",
      "the database, by address, id or name; default: the one that is refused",
    )
    .option("--reason <why>", "why you do it; kept in central.operator_actions")
    .option("--actor <who>", "who does it; default: your user and host")
    .option("--json", "one JSON document on standard output");
}

function adoptCommand(environment: Environment): Command {
  const command = new Command("adopt").description(
    "says that a source has moved to this database, or was restored there: it has the id from now on",
  );
  return addDecisionOptions(command).action(
    async (name: string | undefined, options: DecisionOptions) => {
      await decide(environment, name, options, async (one, { central }, request) => {
        const { source, address, state } = one;
        const selection = { source: source.sourceId, address, state };
        await recordAction(central, {
          kind: "adopt-source",
          request,
          selection,
          failureOf: () => undefined,
          work: () => adoptSource(central, source, address, "adopted", request.actor),
        });
        const report = {
          id: source.sourceId,
          name: source.name,
          server: address,
        };
        print(
          options.json
            ? JSON.stringify(report)
            : `${printable(source.name)} (${source.sourceId}) is at ${address} from now on`,
        );
      });
    },
  );
}

interface RenewOptions extends DecisionOptions {
  readonly name?: string;
  readonly clonedAt?: TimeBound;
}

function renewCommand(environment: Environment): Command {
  const command = new Command("renew").description(
    "says that this database is a copy with a life of its own: it gets a new id, and the messages that it has from the original are set aside",
  );
  return addDecisionOptions(command)
    .option("--name <name>", "its name from now on; default: the old one and a part of the new id")
    .option(
      "--cloned-at <time>",
      `when the copy was made (${timeForms}): needed where messages wait of which nobody knows whether the original has them`,
      timeBound,
    )
    .action(async (wanted: string | undefined, options: RenewOptions) => {
      await decide(environment, wanted, options, async (one, checkResult, request) => {
        const { central, asked } = checkResult;
        const original = asked.answers.find(
          ({ source, state }) => state === "ok" && source.sourceId === one.source.sourceId,
        );
        const open = (url: string) =>
          createPool(url, { applicationName: "centralcloud-cli", max: 1 });
        const pool = open(one.url);
        const originalPool =
          original === undefined || original === one ? undefined : open(original.url);
        try {
          const { clonedAt, name } = options;
          const report = await renewSource({
            source: one.source,
            address: one.address,
            isRefused: one.state !== "ok",
            pool,
            central,
            request,
            ...(originalPool === undefined ? {} : { original: originalPool }),
            ...(name === undefined ? {} : { name }),
            ...(clonedAt === undefined ? {} : { clonedAt: await momentOf(pool, clonedAt) }),
          });
          if (options.json) return print(JSON.stringify(report));
          const { id, copies, kept, deadLetters, keptDeadLetters, resent, undecided } = report;
          print(
            [
              `${one.address} is the source ${printable(report.name)} (${id}) from now on`,
              `archived as copies of the original's: ${copies} messages, ${deadLetters} dead letters`,
              `its own: ${kept} messages and ${keptDeadLetters} dead letters stay in their queues, ${resent} sessions are sent again`,
              ...(undecided === 0
                ? []
                : [
                    `${undecided} of the messages that stay may be the original's as well, whose archive no longer tells: their patterns may count twice`,
                  ]),
            ].join("\n"),
          );
        } finally {
          await endPool(pool, 1_000);
          if (originalPool !== undefined) await endPool(originalPool, 1_000);
        }
      });
    });
}

async function decide(
  environment: Environment,
  positional: string | undefined,
  { source = positional, reason = "decided by the operator", actor }: DecisionOptions,
  work: (
    one: JudgedSource,
    checkResult: CheckResult,
    request: ReturnType<typeof readRequest>,
  ) => Promise<void>,
): Promise<void> {
  const request = readRequest({ reason, ...(actor === undefined ? {} : { actor }) });
  await withCheckResult(environment, {}, (checkResult) =>
    work(chooseRefused(checkResult, source), checkResult, request),
  );
}
