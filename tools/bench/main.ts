import { writeFile } from "node:fs/promises";
import { payload } from "./backlog.ts";
import { type Options, parseOptions, UsageError, usage } from "./options.ts";
import { killPrograms } from "./process.ts";
import { plot } from "./report/plot.ts";
import type { Report } from "./report/report.ts";
import { formatHeader, formatScenario } from "./report/terminal.ts";
import { runScenario, type ScenarioReport } from "./run-scenario.ts";
import type { Lab } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { describeServer, startServer } from "./server.ts";
import { sizesFor } from "./sizes.ts";
import { Stage } from "./stage.ts";

/* `pnpm bench`. Exit codes: 0 measured, 1 a run failed or lost a message, 2 wrong usage. */

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    interrupt.abort(new Error(`ended by ${signal}`));
    killPrograms();
  });
}

try {
  const options = parseOptions(
    process.argv.slice(2),
    scenarios.map(({ name }) => name),
  );
  if (options.help) printHelp();
  else process.exitCode = await bench(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

function printHelp(): void {
  console.log(usage);
  for (const { name, title } of scenarios) console.log(`  ${name.padEnd(16)} ${title}`);
}

async function bench(options: Options): Promise<number> {
  const server = await startServer(options.url, !options.quick);
  const stage = new Stage(server);
  try {
    const lab: Lab = { server, stage, options, sizes: sizesFor(options) };
    const header = await readHeader(lab);
    console.log(formatHeader(header));
    const reports: ScenarioReport[] = [];
    for (const scenario of scenarios) {
      if (options.scenarios.length > 0 && !options.scenarios.includes(scenario.name)) continue;
      const report = await runScenario(scenario, lab, interrupt.signal, say);
      console.log(formatScenario(report));
      reports.push(report);
      await write(options, { ...header, scenarios: reports });
      await stage.forgetTemplates();
    }
    return reports.some(({ failure }) => failure !== undefined) ? 1 : 0;
  } finally {
    await stage.end();
    await server.stop();
  }
}

async function readHeader({ server, stage, options }: Lab): Promise<Omit<Report, "scenarios">> {
  const source = await stage.clone(await stage.base("source"));
  try {
    const facts = await describeServer(server, source.pool);
    const { repeat, scale, quick } = options;
    const measuredAt = new Date().toISOString();
    return { measuredAt, facts, payload, options: { repeat, scale, quick } };
  } finally {
    await stage.drop(source);
  }
}

/** After each scenario, so that a run that is ended early leaves what it had. */
async function write({ json, svg }: Options, report: Report): Promise<void> {
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  if (svg !== undefined) await writeFile(svg, plot(report));
}

function say(line: string): void {
  console.error(line);
}
