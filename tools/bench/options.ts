import { parseArgs } from "node:util";

export interface Options {
  /** Empty: all of them. */
  readonly scenarios: readonly string[];
  /** Names of contenders, or beginnings of names. Empty: all of them. */
  readonly only: readonly string[];
  /** Rounds, from 1; in each, every contender runs once. */
  readonly repeat: number;
  /** Small enough for a test: everything is exercised, nothing is measured well. */
  readonly quick: boolean;
  /** Every number of messages is multiplied by it. */
  readonly scale: number;
  /** A server on which we may make databases; undefined: the embedded one. */
  readonly url: string | undefined;
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly help: boolean;
}

/** The words of the command line make no sense. */
export class UsageError extends Error {
  readonly code = "usage";
}

export const usage = `pnpm bench [scenario…] [options]

  --only NAME,NAME   these contenders alone (the beginnings of their names do)
  --repeat N         rounds; in each, every contender runs once (default 5)
  --scale F          multiplies every number of messages (default 1)
  --quick            a smoke test of half a minute; its figures mean nothing
  --url URL          a PostgreSQL server of yours, by a role that may create databases
  --json FILE        writes all figures of all runs
  --svg FILE         writes the plot
  --help

scenarios:`;

/** @throws {UsageError} */
export function parseOptions(words: readonly string[], known: readonly string[]): Options {
  const { values, positionals } = parse(words);
  for (const name of positionals) {
    if (known.includes(name)) continue;
    throw new UsageError(`there is no scenario ${name}; there are ${known.join(", ")}`);
  }
  const quick = values.quick ?? false;
  return {
    scenarios: positionals,
    only: values.only?.split(",").filter((name) => name !== "") ?? [],
    repeat: number("--repeat", values.repeat, quick ? 1 : 5, /^[1-9]\d*$/),
    quick,
    scale: number("--scale", values.scale, 1, /^(?!0*\.?0*$)\d*\.?\d+$/),
    url: values.url,
    json: values.json,
    svg: values.svg,
    help: values.help ?? false,
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        only: { type: "string" },
        repeat: { type: "string" },
        scale: { type: "string" },
        quick: { type: "boolean" },
        url: { type: "string" },
        json: { type: "string" },
        svg: { type: "string" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function number(name: string, text: string | undefined, initial: number, shape: RegExp): number {
  if (text === undefined) return initial;
  if (!shape.test(text)) throw new UsageError(`${name} must be a number above 0, not ${text}`);
  return Number(text);
}
