import { PortTakenError, version } from "@centralcloud/consumer";
import { DatabaseUnreachableError } from "@centralcloud/postgres";
import {
  assertAddressSpace,
  ConfigurationError,
  type Environment,
  printable,
} from "@centralcloud/service";
import { Command, CommanderError } from "commander";
import { actionsCommand } from "./commands/actions.ts";
import { cdcCommand } from "./commands/cdc.ts";
import { completionCommand } from "./commands/completion.ts";
import { consoleCommand } from "./commands/console.ts";
import { consumeCommand } from "./commands/consume.ts";
import { consumersCommand } from "./commands/consumers.ts";
import { replayArchiveCommand } from "./commands/dlq/replay-archive.ts";
import { dlqCommand } from "./commands/dlq.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { drainCommand } from "./commands/drain.ts";
import { jobsCommand } from "./commands/jobs.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { queuesCommand } from "./commands/queues.ts";
import { reconcileCommand } from "./commands/reconcile.ts";
import { schedulerCommand } from "./commands/scheduler.ts";
import { sessionsCommand } from "./commands/sessions.ts";
import { sourcesCommand } from "./commands/sources.ts";
import { traceCommand } from "./commands/trace.ts";
import { type CommandEnvironment, withLocalDatabases } from "./environment.ts";
import { addHelp, helpOf, pathOf } from "./help/help.ts";
import { paint, print, printError, useTerminalSettings } from "./output.ts";
import { beginActivity } from "./progress.ts";
import { SourcesMissingError, withMigration } from "./sources.ts";

/** Exit codes that scripts rely on. */
const exitCodes = { done: 0, failed: 1, wrongUsage: 2, databaseUnreachable: 3 } as const;

/** Runs one command; results go to standard output, everything else to standard error. */
export async function runCommandLine(
  words: readonly string[],
  given: Environment,
): Promise<number> {
  let environment: CommandEnvironment | undefined;
  let endActivity = () => {};
  try {
    useTerminalSettings(given);
    assertAddressSpace();
    environment = withLocalDatabases(given);
    if (environment.notice !== undefined) printError(`centralcloud: ${environment.notice}`);
    const program = createProgram(environment.variables, given).hook("preAction", (_, command) => {
      endActivity = begin(command);
    });
    await program.parseAsync(withoutHelpOfNothing(program, words), { from: "user" });
    return exitCodes.done;
  } catch (error) {
    endActivity();
    return report(error, environment?.hint);
  } finally {
    endActivity();
  }
}

/** Shows how far a command is while it runs; one that runs until it is stopped is never done with anything. */
function begin(command: Command): () => void {
  const interrupted = helpOf(command)?.interrupted;
  return interrupted === undefined
    ? () => {}
    : beginActivity({ name: pathOf(command), interrupted });
}

/**
 * The whole tree of commands.
 *
 * @param given the environment as the process has it, where `environment` has more than that.
 */
export function createProgram(environment: Environment, given = environment): Command {
  const program = new Command("centralcloud")
    .description("Operates CentralCloud: its databases, queues and consumers")
    .version(version, "--version", "the version of this build")
    .exitOverride()
    // An option is that of the command that it follows: `jobs` and `jobs run` have a `--source` each.
    .enablePositionalOptions()
    .addCommand(migrateCommand(environment))
    .addCommand(consumeCommand(environment))
    .addCommand(drainCommand(environment))
    .addCommand(consoleCommand(environment, given))
    .addCommand(schedulerCommand(environment))
    .addCommand(sourcesCommand(environment))
    .addCommand(queuesCommand(environment))
    .addCommand(consumersCommand(environment))
    .addCommand(dlqCommand(environment))
    .addCommand(replayArchiveCommand(environment))
    .addCommand(actionsCommand(environment))
    .addCommand(traceCommand(environment))
    .addCommand(jobsCommand(environment))
    .addCommand(keysCommand(environment))
    .addCommand(sessionsCommand(environment))
    .addCommand(cdcCommand(environment))
    .addCommand(reconcileCommand(environment))
    .addCommand(doctorCommand(environment))
    .addCommand(completionCommand());
  finish(program);
  return program;
}

const helpOptions = ["--help", "-h"];

/**
 * Help on a command that does not exist is no help: without the option, Commander says what is wrong. Otherwise it shows
 * the help of the group, as if that had been meant.
 */
function withoutHelpOfNothing(program: Command, words: readonly string[]): readonly string[] {
  let command = program;
  for (const word of words) {
    if (command.commands.length === 0 || word.startsWith("-") || word === "help") return words;
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) return words.filter((one) => !helpOptions.includes(one));
    command = next;
  }
  return words;
}

/**
 * Gives a command what all of them have. Commander ends the process otherwise, and writes by itself; a group of commands
 * does not pass this on to its own.
 */
function finish(command: Command): void {
  command.exitOverride();
  addHelp(command);
  command.configureOutput({
    writeOut: (text) => print(text.replace(/\n$/, "")),
    writeErr: (text) => printError(text.replace(/\n$/, "")),
    // It quotes what was given, which may have lines of its own.
    outputError: (text) => printError(markError(printable(text.replace(/\n$/, "")))),
  });
  for (const child of command.commands) finish(child);
}

/** Its first word is what is seen of an error among other lines. */
function markError(text: string): string {
  return text.replace(/^error:/, paint("bad", "error:"));
}

const programName = paint("bad", "centralcloud:");

/** @param hint what to try where a database can't be reached, or is not configured. */
function report(error: unknown, hint: string | undefined): number {
  const code = describe(error);
  const isAboutDatabases =
    code === exitCodes.databaseUnreachable ||
    (error instanceof ConfigurationError && error.mistakes.some(isMissingDatabase));
  if (isAboutDatabases && hint !== undefined) printError(`centralcloud: ${hint}`);
  return code;
}

function isMissingDatabase(mistake: string): boolean {
  return /^(SOURCE_DATABASE_URLS|CENTRAL_DATABASE_URL): /.test(mistake);
}

function describe(error: unknown): number {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
  if (error instanceof ConfigurationError) {
    printError(error.message.replace(/^error:/gm, paint("bad", "error:")));
    return exitCodes.wrongUsage;
  }
  if (error instanceof SourcesMissingError) {
    for (const line of error.message.split("\n")) printError(`${programName} ${line}`);
    return error.isUnreachable ? exitCodes.databaseUnreachable : exitCodes.failed;
  }
  const message = withMigration(error);
  // What it quotes may have lines of its own: none of them begins as ours do.
  printError(`${programName} ${message.replaceAll("\n", "\n  ")}`);
  if (error instanceof PortTakenError) return exitCodes.wrongUsage;
  return error instanceof DatabaseUnreachableError
    ? exitCodes.databaseUnreachable
    : exitCodes.failed;
}
