import {
  createLogger,
  DrainIncompleteError,
  DrainInterruptedError,
  DrainTimeoutError,
  drain,
  drainPatienceS,
  keepHeapSmall,
  type Pending,
  readConsumerConfiguration,
} from "@centralcloud/consumer";
import { assertReachable } from "@centralcloud/postgres";
import {
  type Environment,
  logSink,
  overtimeMs,
  printable,
  withInterrupt,
} from "@centralcloud/service";
import { Command } from "commander";
import { print, printError } from "../output.ts";
import { SourcesMissingError } from "../sources.ts";
import { duration } from "./options.ts";

export function drainCommand(environment: Environment): Command {
  return new Command("drain")
    .description("consumes until every queue is empty, then prints what it did as JSON")
    .option("--timeout <duration>", "give up after this long (exit code 1)", duration)
    .option(
      "--patience <duration>",
      `how long a database may not answer once all others are drained (exit code 3); default: ${drainPatienceS}s`,
      duration,
    )
    .option("--json", "accepted for symmetry; the result is JSON in any case")
    .action(async ({ timeout, patience }: { timeout?: number; patience?: number }) => {
      keepHeapSmall();
      const configuration = readConsumerConfiguration(environment);
      await assertReachable([...configuration.sourceUrls, configuration.centralUrl]);
      const logger = createLogger(configuration.logLevel, 2);
      const graceMs = configuration.shutdownGraceS * 1000;
      try {
        const limits = { timeoutS: timeout, patienceS: patience };
        const report = await withInterrupt(
          (signal) =>
            drain(configuration, logSink(logger), { ...limits, signal, onWaiting: sayWaiting }),
          graceMs + overtimeMs,
        );
        print(JSON.stringify(report));
      } catch (error) {
        const stopped =
          error instanceof DrainTimeoutError ||
          error instanceof DrainInterruptedError ||
          error instanceof DrainIncompleteError;
        if (stopped) print(JSON.stringify(error.report));
        throw error instanceof DrainIncompleteError ? asMissing(error) : error;
      }
    });
}

function sayWaiting(pending: readonly Pending[]): void {
  for (const { database, reason } of pending) {
    printError(`waiting for ${printable(database)}: ${printable(reason)}`);
  }
}

function asMissing({ pending }: DrainIncompleteError): SourcesMissingError {
  const unreachable = pending.map(({ database, reason }) => ({ source: database, reason }));
  return new SourcesMissingError({ unreachable, failed: [] });
}
