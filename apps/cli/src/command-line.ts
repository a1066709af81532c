import { PortTakenError } from "@centralcloud/consumer";
import { DatabaseUnreachableError } from "@centralcloud/db";
import { ConfigurationError, type Environment } from "@centralcloud/service";
import { Command, CommanderError } from "commander";
import { cdcCommand } from "./commands/cdc.ts";
import { consumeCommand } from "./commands/consume.ts";
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
import { withLocalDatabases } from "./environment.ts";

/** Exit codes that scripts rely on. */
export const exitCodes = { done: 0, failed: 1, wrongUsage: 2, databaseUnreachable: 3 } as const;

/** Runs one command; results go to standard output, everything else to standard error. */
export async function runCommandLine(
  words: readonly string[],
  given: Environment,
): Promise<number> {
  const environment = withLocalDatabases(given);
  const program = new Command("centralcloud")
    .description("Operates CentralCloud: its databases, queues and consumers")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addCommand(migrateCommand(environment))
    .addCommand(consumeCommand(environment))
    .addCommand(drainCommand(environment))
    .addCommand(schedulerCommand(environment))
    .addCommand(queuesCommand(environment))
    .addCommand(dlqCommand(environment))
    .addCommand(replayArchiveCommand(environment))
    .addCommand(jobsCommand(environment))
    .addCommand(keysCommand(environment))
    .addCommand(sessionsCommand(environment))
    .addCommand(cdcCommand(environment))
    .addCommand(reconcileCommand(environment))
    .addCommand(doctorCommand(environment));
  overrideExit(program);
  try {
    await program.parseAsync(words, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    return report(error);
  }
}

/** Commander ends the process otherwise; a group of commands does not pass this on to its own. */
function overrideExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) overrideExit(child);
}

function report(error: unknown): number {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
  if (error instanceof ConfigurationError) {
    console.error(error.message);
    return exitCodes.wrongUsage;
  }
  console.error(`centralcloud: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof PortTakenError) return exitCodes.wrongUsage;
  return error instanceof DatabaseUnreachableError
    ? exitCodes.databaseUnreachable
    : exitCodes.failed;
}
