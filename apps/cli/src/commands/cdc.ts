import {
  type CaptureStatus,
  captureEvents,
  createCapture,
  dropCapture,
  getCdcChanges,
  readCaptureStatus,
  recreateCapture,
  recreateCommand,
  tail,
} from "@centralcloud/cdc";
import { createLogger } from "@centralcloud/consumer";
import { cutAllConnections, describeBlockers, withoutSecrets } from "@centralcloud/postgres";
import { type Environment, logSink, runUntilSignal } from "@centralcloud/service";
import { Command, Option } from "commander";
import {
  askTargets,
  atTarget,
  readCaptureService,
  readCdcEnvironment,
} from "../cdc-environment.ts";
import { coloured } from "../format-table.ts";
import { print, printError } from "../output.ts";
import { interruptible, reportProgress } from "../progress.ts";
import { showRows } from "../show-answers.ts";
import { changeAsJson, changeAsLine, maskChange, type Shown, showChanges } from "../show-change.ts";
import {
  addSourceOptions,
  askSources,
  assertComplete,
  type Silence,
  type SourceOptions,
  withRemedy,
} from "../sources.ts";
import { cdcLogCommand } from "./cdc-log.ts";
import { addRevealOptions, type RevealOptions, readRevealing, showRevealed } from "./dlq/reveal.ts";
import { assertKnown, collect, number } from "./options.ts";

export function cdcCommand(environment: Environment): Command {
  return new Command("cdc")
    .description("captures what changes in the sources, and shows it")
    .addCommand(statusCommand(environment))
    .addCommand(peekCommand(environment))
    .addCommand(tailCommand(environment))
    .addCommand(cdcLogCommand(environment))
    .addCommand(runCommand(environment))
    .addCommand(recreateCaptureCommand(environment))
    .addCommand(dropCommand(environment));
}

const json = () => new Option("--json", "one JSON document on standard output");
const source = () =>
  new Option("--source <name>", "the source, by name, id or address, where there are several");
const reason = () =>
  new Option("--reason <text>", "why; it is kept in the change log").makeOptionMandatory();

function statusCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("status").description(
      "the slot of each source; exit code 1 when one is lost, refused or stuck, or a table is not captured",
    ),
  )
    .addOption(json())
    .action(async ({ json = false, ...options }: SourceOptions & { json?: boolean }) => {
      const configuration = readCdcEnvironment(environment);
      const { tables } = configuration;
      const asked = await askTargets(configuration, options, async (target) => [
        await readCaptureStatus(target.source, target.central, tables, withoutSecrets(target.url)),
      ]);
      showRows(asked, { json, name: "sources", describe: shorten, meaningOf });
      const told = asked.answers.flat().flatMap(describeProblems);
      if (told.length > 0) throw new Error(told.join("\n"));
    });
}

const meaningOf = coloured({
  state: { lost: "bad", stuck: "bad", waiting: "warning", missing: "warning" },
});

/** What keeps changes out of the change log, in sentences. */
function describeProblems(status: CaptureStatus): readonly string[] {
  const { source, state, reason, fault, refused } = status;
  const told = refused.map(
    ({ table, problem }) => `changes of ${table} of ${source} are not captured: ${problem}`,
  );
  if (state === "refused") return [`changes of ${source} are not captured: ${reason}`, ...told];
  if (state !== "lost") {
    return fault === null
      ? told
      : [`the capture of ${source} does not continue: ${fault}`, ...told];
  }
  const remedy = `begin anew with: ${recreateCommand(source)}`;
  return [`changes of ${source} are missing: ${reason}; ${remedy}`, ...told];
}

/** What fits on a line; `--json` has all. */
function shorten(status: CaptureStatus) {
  return {
    source: status.source,
    state: status.state,
    ...(status.waitsFor === null ? {} : { waitsFor: describeBlockers(status.waitsFor) }),
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

interface FilterOptions extends SourceOptions, RevealOptions {
  readonly table?: readonly string[];
  readonly agent?: string;
  readonly session?: string;
  readonly json?: boolean;
}

function addFilters(command: Command): Command {
  return addRevealOptions(addSourceOptions(command))
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
      "changes that are not in the change log yet; takes nothing away; contents are masked",
    ),
  )
    .option("--limit <count>", "of each source at most", number("--limit", 1), 100)
    .addOption(json())
    .action(async ({ limit, json = false, ...options }: FilterOptions & { limit: number }) => {
      const { sourceUrls, tables, maxChangeBytes } = readCdcEnvironment(environment);
      assertKnown("--table", options.table ?? [], tables.names);
      const filter = { limit, ...filterOf(options) };
      const request = readRevealing(options);
      const lookedAt = { of: "cdc peek", sources: options.source ?? "all", ...filter };
      await showRevealed(environment, request, lookedAt, async () => {
        const asked = await askSources(sourceUrls, options, async (one) => {
          const target = { url: one.url, tables, name: one.name, maxChangeBytes };
          const changes = await getCdcChanges(target, filter, one.signal);
          return changes.map((change) => shownOf({ source: one.name, ...change }, request));
        });
        showChanges(asked, { json });
      });
    });
}

/** A change as it may be seen. @param request of whoever reveals contents. */
function shownOf(change: Shown, request: unknown): Shown {
  return request === undefined ? maskChange(change) : change;
}

function tailCommand(environment: Environment): Command {
  return addFilters(
    new Command("tail").description(
      "follows what is committed from now on, until SIGTERM or SIGINT; contents are masked",
    ),
  )
    .option("--json", "one JSON document a line")
    .action(async (options: FilterOptions) => {
      const configuration = readCdcEnvironment(environment);
      assertKnown("--table", options.table ?? [], configuration.tables.names);
      const names = new Map<string, string>();
      const request = readRevealing(options);
      const follow = () =>
        interruptible(
          async (interrupt) => {
            const stopping = new AbortController();
            const stop = () => stopping.abort();
            interrupt.addEventListener("abort", stop);
            // Whoever reads the output has had enough.
            process.stdout.on("error", stop);
            try {
              const { tables, plugin, maxChangeBytes, sourceUrls } = configuration;
              const asked = await askSources(sourceUrls, options, async ({ url, name }) =>
                names.set(url, name),
              );
              for (const { source, reason } of [...asked.unreachable, ...asked.failed]) {
                printError(`not following ${source}: ${reason}`);
              }
              const show = (change: Shown) =>
                print(options.json ? changeAsJson(change) : changeAsLine(change));
              const failed: Silence[] = [];
              const following = [...names].map(([url, name]) =>
                tail(
                  {
                    url,
                    name,
                    tables,
                    plugin,
                    maxChangeBytes,
                    filter: filterOf(options),
                    onWaiting: (blockers) => printError(`${name} waits for ${blockers}`),
                    onReady: () => printError(`following ${name}`),
                    onChange: (change) => show(shownOf({ source: name, ...change }, request)),
                  },
                  stopping.signal,
                ).catch((error: unknown) => {
                  // The others are followed nevertheless.
                  const reason = withRemedy(error);
                  if (names.size > 1) printError(`no longer following ${name}: ${reason}`);
                  failed.push({ source: name, reason });
                }),
              );
              await Promise.all(following).finally(stop);
              assertComplete({ ...asked, failed: [...asked.failed, ...failed] });
            } finally {
              process.stdout.off("error", stop);
            }
          },
          { quiet: true },
        );
      const lookedAt = { of: "cdc tail", sources: options.source ?? "all", ...filterOf(options) };
      await showRevealed(environment, request, lookedAt, follow);
    });
}

function runCommand(environment: Environment): Command {
  return new Command("run")
    .description(
      "captures changes into the change log, without a consumer, until SIGTERM or SIGINT",
    )
    .action(async () => {
      const service = readCaptureService(environment);
      const { configuration, logFormat: format } = service;
      const observe = logSink(
        createLogger(service.logLevel, 1, { format, environment }),
        captureEvents,
      );
      const capture = createCapture(configuration, observe);
      await runUntilSignal(capture, {
        graceS: service.shutdownGraceS,
        observe,
        cutConnections: cutAllConnections,
      });
    });
}

function recreateCaptureCommand(environment: Environment): Command {
  return new Command("recreate")
    .description(
      "begins a capture anew where its slot was lost: marks the gap, and takes a snapshot",
    )
    .addOption(reason())
    .addOption(source())
    .action(async (options: { reason: string; source?: string }) => {
      const configuration = readCdcEnvironment(environment);
      const recreated = await atTarget(configuration, options.source, (target) =>
        recreateCapture({
          ...configuration,
          ...target,
          reason: options.reason,
          onWaiting: (blockers) => printError(`waiting for ${blockers}`),
          onRows: (done) => reportProgress({ done, unit: "rows of the snapshot" }),
        }),
      );
      print(JSON.stringify(recreated));
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
      const dropped = await atTarget(readCdcEnvironment(environment), options.source, (target) =>
        dropCapture(target.source, target.central, options.reason),
      );
      print(JSON.stringify(dropped));
    });
}
