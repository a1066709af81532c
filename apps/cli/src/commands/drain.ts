import {
  createLogger,
  DrainInterruptedError,
  DrainTimeoutError,
  drain,
  keepHeapSmall,
  readConsumerConfiguration,
} from "@centralcloud/consumer";
import { assertReachable } from "@centralcloud/postgres";
import { type Environment, logSink, overtimeMs, withInterrupt } from "@centralcloud/service";
import { Command } from "commander";
import { print } from "../output.ts";
import { duration } from "./options.ts";

export function drainCommand(environment: Environment): Command {
  return new Command("drain")
    .description("consumes until every queue is empty, then prints what it did as JSON")
    .option("--timeout <duration>", "give up after this long (exit code 1)", duration)
    .option("--json", "accepted for symmetry; the result is JSON in any case")
    .action(async ({ timeout }: { timeout?: number }) => {
      keepHeapSmall();
      const configuration = readConsumerConfiguration(environment);
      await assertReachable([...configuration.sourceUrls, configuration.centralUrl]);
      const logger = createLogger(configuration.logLevel, 2);
      const graceMs = configuration.shutdownGraceS * 1000;
      try {
        const report = await withInterrupt(
          (signal) => drain(configuration, logSink(logger), { timeoutS: timeout, signal }),
          graceMs + overtimeMs,
        );
        print(JSON.stringify(report));
      } catch (error) {
        const stopped =
          error instanceof DrainTimeoutError || error instanceof DrainInterruptedError;
        if (stopped) print(JSON.stringify(error.report));
        throw error;
      }
    });
}
