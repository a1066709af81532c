import { parseArguments, UsageError, usage } from "./arguments.ts";
import { describeChaos, describeOutage } from "./describe-report.ts";
import { runChaos } from "./run-chaos.ts";
import { runOutage } from "./run-outage.ts";

/* `pnpm chaos`: prints the seed first, what it does meanwhile, and a summary. */

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

async function run(words: readonly string[]): Promise<number> {
  const chosen = parseArguments(words);
  if (chosen === undefined) {
    console.log(usage);
    return 0;
  }
  const { scenario, plan } = chosen;
  console.log(`seed ${plan.seed}`);
  const startedAt = performance.now();
  const narrate = (line: string) => {
    const at = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(7);
    console.log(`${at} s  ${line}`);
  };
  const report =
    scenario === "chaos"
      ? await runChaos(plan, narrate, stop.signal)
      : await runOutage(scenario, plan, narrate, stop.signal);
  console.log(`\n${"faults" in report ? describeChaos(report) : describeOutage(report)}`);
  return report.differences.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (stop.signal.aborted) console.error("\ninterrupted, and all cleaned up; nothing was judged");
  else console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
