import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { documentFile, plotFile, renderDocument, renderPlot } from "./document.ts";
import {
  commandsFile,
  figuresFile,
  readCommands,
  readFigures,
  readValidation,
  validationFile,
} from "./figures.ts";
import { measure } from "./measure.ts";
import { measureCommands } from "./measure-commands.ts";
import { validate } from "./validate.ts";

const usage = `pnpm capacity measure     what a message costs; a few minutes; writes tools/capacity/figures.json
pnpm capacity validate    a burst into a real system, beside the simulation; writes tools/capacity/validation.json
pnpm capacity commands    what each command takes over 200 sources; ten minutes; writes tools/capacity/commands.json
pnpm capacity document    writes every number of docs/capacity.md, and its picture, anew
pnpm capacity check       says whether they are up to date (exit code 1: they are not)

  --quick   (measure, validate, commands) a smoke test; nothing is written`;

const full = {
  measure: {
    patterns: 50_000,
    sessions: 4_000,
    rounds: 3,
    idleSources: 10,
    idleS: 30,
    seals: 400,
    durable: true,
  },
  validate: {
    durable: true,
    steadyPerSecond: 1_000,
    calibration: 30_000,
    burst: 60_000,
    rounds: 3,
  },
  // Connections that the start needed are closed after half a minute; a sleeping source is looked at every few seconds.
  commands: { fleet: 200, fleetRounds: 3, replicaSources: 60, settleS: 65, quietS: 30 },
};

const quick = {
  measure: {
    patterns: 500,
    sessions: 50,
    rounds: 1,
    idleSources: 2,
    idleS: 1,
    seals: 10,
    durable: false,
  },
  validate: { durable: false, steadyPerSecond: 100, calibration: 1_000, burst: 2_000, rounds: 1 },
  commands: { fleet: 2, fleetRounds: 1, replicaSources: 2, settleS: 0.5, quietS: 0.5 },
};

async function run(command: string | undefined, isQuick: boolean): Promise<number> {
  const sizes = isQuick ? quick : full;
  const narrate = (line: string) => console.error(line);
  switch (command) {
    case "measure":
      return tell(await measure(sizes.measure, narrate), isQuick ? undefined : figuresFile);
    case "validate":
      return tell(await validate(sizes.validate, narrate), isQuick ? undefined : validationFile);
    case "commands":
      return tell(
        await measureCommands(sizes.commands, narrate),
        isQuick ? undefined : commandsFile,
      );
    case "document":
      for (const [file, text] of rendered()) writeFileSync(file, text);
      return 0;
    case "check": {
      const stale = rendered().filter(
        ([file, text]) => !existsSync(file) || readFileSync(file, "utf8") !== text,
      );
      for (const [file] of stale)
        console.error(`${file} is not up to date: pnpm capacity document`);
      return stale.length === 0 ? 0 : 1;
    }
    default:
      console.error(usage);
      return 2;
  }
}

function rendered(): readonly (readonly [file: string, text: string])[] {
  const figures = readFigures();
  const page = renderDocument(
    readFileSync(documentFile, "utf8"),
    figures,
    readValidation(),
    readCommands(),
  );
  return [
    [documentFile, page],
    [plotFile, renderPlot(figures)],
  ];
}

function tell(result: unknown, file: string | undefined): number {
  const text = `${JSON.stringify(result, null, 2)}\n`;
  process.stdout.write(text);
  if (file !== undefined) writeFileSync(file, text);
  return 0;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false } },
});
process.exitCode = await run(positionals[0], values.quick);
