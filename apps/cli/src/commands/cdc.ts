import {
  type CaptureStatus,
  createCapture,
  dropCapture,
  getCdcChanges,
  readCaptureStatus,
  recreateCapture,
  tail,
} from "@centralcloud/cdc";
import { createLogger, runUntilSignal } from "@centralcloud/consumer";
import { type Environment, logSink } from "@centralcloud/service";
import { Command, Option } from "commander";
import { atEachTarget, chooseSource, readCdcEnvironment } from "../cdc-environment.ts";
import { formatTable } from "../format-table.ts";
import { changeAsJson, changeAsLine, type Shown, showChanges } from "../show-change.ts";
import { cdcLogCommand } from "./cdc-log.ts";
import { collect, number } from "./options.ts";

export function cdcCommand(environment: Environment): Command {
  return new Command("cdc")
    .description("captures what changes in the sources, and shows it")
    .addCommand(statusCommand(environment))
    .addCommand(peekCommand(environment))
    .addCommand(tailCommand(environment))
    .addCommand(cdcLogCommand(environment))
    .addCommand(runCommand(environment))
    .addCommand(recreateCommand(environment))
    .addCommand(dropCommand(environment));
}

const json = () => new Option("--json", "one JSON document on standard output");
const source = () => new Option("--source <name>", "the source, where there are several");
const reason = () =>
  new Option("--reason <text>", "why; it is kept in the change log").makeOptionMandatory();

function statusCommand(environment: Environment): Command {
  return new Command("status")
    .description("the slot of each source; exit code 1 when one is lost")
    .addOption(json())
    .action(async (options: { json?: true }) => {
      const reports = await atEachTarget(readCdcEnvironment(environment), (target) =>
        readCaptureStatus(target.source, target.central),
      );
      console.log(options.json ? JSON.stringify(reports) : formatTable(reports.map(shorten)));
      const lost = reports.filter(({ state }) => state === "lost");
      if (lost.length === 0) return;
      const names = lost.map((report) => report.source).join(", ");
      throw new Error(
        `changes are missing of ${names}; begin anew with: centralcloud cdc recreate --reason …`,
      );
    });
}

/** What fits on a line; `--json` has all. */
function shorten(status: CaptureStatus) {
  return {
    source: status.source,
    state: status.state,
    slot: status.slot,
    plugin: status.plugin,
    wal: status.walStatus,
    retainedBytes: status.retainedBytes,
    lagBytes: status.lagBytes,
    lagSeconds: status.lagSeconds === null ? null : Math.round(status.lagSeconds),
    safeBytes: status.safeBytes,
    reader: status.reader,
  };
}

interface FilterOptions {
  readonly table?: readonly string[];
  readonly agent?: string;
  readonly session?: string;
  readonly json?: true;
}

function addFilters(command: Command): Command {
  return command
    .option("--table <name>", "of this table only; may be given several times", collect)
    .option("--agent <id>", "of this agent only")
    .option("--session <id>", "of this session only");
}

function filterOf({ table, agent, session }: FilterOptions) {
  return {
    ...(table === undefined ? {} : { tables: table }),
    ...(agent === undefined ? {} : { agentId: agent }),
    ...(session === undefined ? {} : { sessionId: session }),
  };
}

function peekCommand(environment: Environment): Command {
  return addFilters(
    new Command("peek").description(
      "changes that are not in the change log yet; takes nothing away",
    ),
  )
    .option("--limit <count>", "of each source at most", number("--limit", 1), 100)
    .addOption(json())
    .action(async ({ limit, ...options }: FilterOptions & { limit: number }) => {
      const configuration = readCdcEnvironment(environment);
      const { tables } = configuration;
      const changes = await atEachTarget(configuration, async ({ url, name }) =>
        (await getCdcChanges({ url, tables }, { limit, ...filterOf(options) })).map(
          (change): Shown => ({ source: name, ...change }),
        ),
      );
      console.log(showChanges(changes.flat(), options.json === true));
    });
}

function tailCommand(environment: Environment): Command {
  return addFilters(
    new Command("tail").description(
      "follows what is committed from now on, until SIGTERM or SIGINT",
    ),
  )
    .option("--json", "one JSON document a line")
    .action(async (options: FilterOptions) => {
      const configuration = readCdcEnvironment(environment);
      const stopping = new AbortController();
      const stop = () => stopping.abort();
      process.on("SIGINT", stop).on("SIGTERM", stop);
      // Whoever reads the output has had enough.
      process.stdout.on("error", stop);
      try {
        const names = new Map<string, string>();
        await atEachTarget(configuration, async ({ url, name }) => names.set(url, name));
        const { tables, plugin } = configuration;
        const show = (change: Shown) =>
          console.log(options.json ? changeAsJson(change) : changeAsLine(change));
        const following = [...names].map(([url, name]) =>
          tail(
            {
              url,
              tables,
              plugin,
              filter: filterOf(options),
              onReady: () => console.error(`following ${name}`),
              onChange: (change) => show({ source: name, ...change }),
            },
            stopping.signal,
          ),
        );
        await Promise.all(following).finally(stop);
      } finally {
        process.off("SIGINT", stop).off("SIGTERM", stop);
      }
    });
}

function runCommand(environment: Environment): Command {
  return new Command("run")
    .description(
      "captures changes into the change log, without a consumer, until SIGTERM or SIGINT",
    )
    .action(async () => {
      const configuration = readCdcEnvironment(environment);
      const observe = logSink(createLogger(configuration.logLevel, 1));
      const capture = createCapture(configuration, observe);
      await runUntilSignal(capture, configuration.shutdownGraceS, observe);
    });
}

function recreateCommand(environment: Environment): Command {
  return new Command("recreate")
    .description(
      "begins a capture anew where its slot was lost: marks the gap, and takes a snapshot",
    )
    .addOption(reason())
    .addOption(source())
    .action(async (options: { reason: string; source?: string }) => {
      const chosen = await chooseSource(readCdcEnvironment(environment), options.source);
      const [recreated] = await atEachTarget(chosen, (target) =>
        recreateCapture({ ...chosen, ...target, reason: options.reason }),
      );
      console.log(JSON.stringify(recreated));
    });
}

function dropCommand(environment: Environment): Command {
  return new Command("drop")
    .description(
      "ends the capture of a source: drops its slot and its publication, keeps the change log",
    )
    .addOption(reason())
    .addOption(source())
    .action(async (options: { reason: string; source?: string }) => {
      const chosen = await chooseSource(readCdcEnvironment(environment), options.source);
      const [dropped] = await atEachTarget(chosen, (target) =>
        dropCapture(target.source, target.central, options.reason),
      );
      console.log(JSON.stringify(dropped));
    });
}
