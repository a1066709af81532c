import {
  createLogger,
  DrainInterruptedError,
  DrainTimeoutError,
  drain,
  keepHeapSmall,
  readConsumerConfiguration,
} from "@centralcloud/consumer";
import { assertReachable } from "@centralcloud/db";
import { type Environment, logSink } from "@centralcloud/service";
import { Command, InvalidArgumentError } from "commander";

export function drainCommand(environment: Environment): Command {
  return new Command("drain")
    .description("consumes until every queue is empty, then prints what it did as JSON")
    .option("--timeout <seconds>", "give up after this long (exit code 1)", seconds)
    .option("--json", "accepted for symmetry; the result is JSON in any case")
    .action(async ({ timeout }: { timeout?: number }) => {
      keepHeapSmall();
      const configuration = readConsumerConfiguration(environment);
      await assertReachable([...configuration.sourceUrls, configuration.centralUrl]);
      const logger = createLogger(configuration.logLevel, 2);
      const interrupt = new AbortController();
      const end = () => {
        if (interrupt.signal.aborted) process.exit(1);
        interrupt.abort();
      };
      const signals = ["SIGTERM", "SIGINT"] as const;
      for (const signal of signals) process.on(signal, end);
      try {
        const options = { timeoutS: timeout, signal: interrupt.signal };
        console.log(JSON.stringify(await drain(configuration, logSink(logger), options)));
      } catch (error) {
        const stopped =
          error instanceof DrainTimeoutError || error instanceof DrainInterruptedError;
        if (stopped) console.log(JSON.stringify(error.report));
        throw error;
      } finally {
        for (const signal of signals) process.off(signal, end);
      }
    });
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) {
    throw new InvalidArgumentError("It must be a positive number of seconds.");
  }
  return value;
}
