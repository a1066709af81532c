import { parseArgs } from "node:util";

/** What the user typed after `npm start --`. */
export interface Arguments {
  /** Whether the simulated workload runs. */
  readonly demo: boolean;
  /** Whether the embedded databases are deleted first. */
  readonly fresh: boolean;
  readonly help: boolean;
}

/** The words on the command line make no sense; the message names every one that does not. */
export class UsageError extends Error {
  readonly code = "wrong_usage";
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

export const usage = `npm start -- [--no-demo] [--fresh]

Runs the whole of CentralCloud on this machine until Ctrl-C.

  --no-demo   without the simulated Singularity workload
  --fresh     deletes the data of earlier runs (.data/) first
  --help      prints this

SOURCE_DATABASE_URLS and CENTRAL_DATABASE_URL, when both are set, name the databases to use instead
of the embedded PostgreSQL. CONSUMER_HTTP_PORT and the other CONSUMER_ variables work here too.`;

const options = {
  "no-demo": { type: "boolean" },
  fresh: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws {UsageError} */
export function parseArguments(words: readonly string[]): Arguments {
  // Not `strict`: that would stop at the first unknown word, with advice that does not apply here.
  const { values, tokens } = parseArgs({ args: [...words], options, strict: false, tokens: true });
  const unknown = tokens.flatMap((token) => {
    if (token.kind === "positional") return [token.value];
    if (token.kind === "option-terminator") return [];
    if (!(token.name in options)) return [token.rawName];
    return token.value === undefined ? [] : [`${token.rawName}=${token.value}`];
  });
  if (unknown.length > 0) {
    const words = unknown.join(", ");
    throw new UsageError(
      `npm start does not know ${words}; npm start -- --help lists what it does`,
    );
  }
  return {
    demo: values["no-demo"] !== true,
    fresh: values.fresh === true,
    help: values.help === true,
  };
}
