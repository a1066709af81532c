import {
  consumerEvents,
  createLogger,
  DrainIncompleteError,
  DrainInterruptedError,
  DrainTimeoutError,
  drain,
  drainAnswerTimeoutS,
  keepHeapSmall,
  type Pending,
  readConsumerConfiguration,
  routes,
} from "@centralcloud/consumer";
import { assertReachable } from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import { type Environment, logSink, overtimeMs, printable } from "@centralcloud/service";
import { Command } from "commander";
import { canShowStatus, print, printError, writeAboveStatus } from "../output.ts";
import { interruptible, reportProgress } from "../progress.ts";
import { askSources, SourcesMissingError } from "../sources.ts";
import { duration } from "./options.ts";

export function drainCommand(environment: Environment): Command {
  return new Command("drain")
    .description("consumes until every queue is empty, then prints what it did as JSON")
    .option("--timeout <duration>", "give up after this long (exit code 1)", duration)
    .option(
      "--answer-timeout <duration>",
      `how long a database may not answer once all others are drained (exit code 3); default: ${drainAnswerTimeoutS}s`,
      duration,
    )
    .option("--json", "the result is JSON with or without this option")
    .action(async ({ timeout, answerTimeout }: { timeout?: number; answerTimeout?: number }) => {
      keepHeapSmall();
      const configuration = readConsumerConfiguration(environment);
      const { logFormat: format, sourceUrls } = configuration;
      await assertReachable([...configuration.sourceUrls, configuration.centralUrl]);
      const logger = createLogger(configuration.logLevel, 2, {
        format,
        environment,
        around: writeAboveStatus,
      });
      const total = canShowStatus() ? await countWaiting(sourceUrls) : undefined;
      const graceMs = configuration.shutdownGraceS * 1000;
      try {
        const report = await interruptible(
          (signal) =>
            drain(configuration, logSink(logger, consumerEvents), {
              timeoutS: timeout,
              answerTimeoutS: answerTimeout,
              signal,
              onProgress: (done) => reportProgress({ done, total, unit: "messages", hint }),
              onWaiting: sayWaiting,
            }),
          { longestMs: graceMs + overtimeMs },
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

const hint = "Ctrl-C stops it in order; the same command continues";

/** Messages of all queues that can be asked, for the time that is left. */
async function countWaiting(urls: readonly string[]): Promise<number> {
  const { answers } = await askSources(urls, { timeout: 5 }, async ({ pool }) => {
    const metrics = await new QueueClient(pool).metricsOf(routes);
    return metrics.reduce((sum, { total }) => sum + total, 0);
  });
  return answers.reduce((sum, total) => sum + total, 0);
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
