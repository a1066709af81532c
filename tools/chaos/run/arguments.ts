import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { type ChaosPlan, longPlan } from "./plan.ts";
import type { OutageKind } from "./run-outage.ts";

export type Scenario = "chaos" | OutageKind;

export interface Arguments {
  readonly scenario: Scenario;
  readonly plan: ChaosPlan;
}

/** The words on the command line make no sense. */
export class UsageError extends Error {
  readonly code = "wrong_usage";
  constructor(message: string) {
    super(`${message}\n\n${usage}`);
    this.name = "UsageError";
  }
}

export const usage = `pnpm chaos [--minutes N] [--seed S] [--messages N] [--replicas N] [--sources N] [--scenario NAME]
           [--poison-messages N] [--faults WORDS]

Runs consumers against servers of their own, does everything to them that can be survived, and compares
the central store with what the messages make of it. Exit code 1: it differs.

  --minutes N    how long messages are sent and faults begin; default 1
  --seed S       a whole number; the same seed gives the same messages and the same schedule of faults
  --messages N   default 20000 a minute
  --replicas N   default 4
  --sources N    default 2
  --scenario     chaos: everything at once (default); outage: the central database is stopped for a
                 minute; partition: the network to it is silent for a minute
  --poison-messages N
                 messages that end the process that merges them; default one a minute, from 1 to 8
  --faults WORDS only the faults whose name holds these words, to narrow down a failure
  --help         prints this`;

const options = {
  minutes: { type: "string" },
  seed: { type: "string" },
  messages: { type: "string" },
  replicas: { type: "string" },
  sources: { type: "string" },
  scenario: { type: "string" },
  "poison-messages": { type: "string" },
  faults: { type: "string" },
  help: { type: "boolean" },
} as const;

/**
 * @returns undefined where help is asked for
 * @throws {UsageError}
 */
export function parseArguments(words: readonly string[]): Arguments | undefined {
  const values = parse(words);
  if (values.help === true) return undefined;
  const scenario = values.scenario ?? "chaos";
  if (scenario !== "chaos" && scenario !== "outage" && scenario !== "partition") {
    throw new UsageError(`--scenario must be chaos, outage or partition, not ${scenario}`);
  }
  const plan = longPlan({
    minutes: positive("minutes", values.minutes) ?? 1,
    seed: whole("seed", values.seed, 0) ?? randomInt(1_000_000_000),
    messages: whole("messages", values.messages, 20),
    replicas: whole("replicas", values.replicas, 1),
    sources: whole("sources", values.sources, 1),
    poisonMessages: whole("poison-messages", values["poison-messages"], 0),
    faults: values.faults,
  });
  return { scenario, plan };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} must be a number above 0, not ${text}`);
}

function whole(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} must be a whole number from ${least}, not ${text}`);
}
