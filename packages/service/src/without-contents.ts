import type { ObservedEvent } from "./observation.ts";

/** SQLSTATEs of errors whose words may quote the row that was refused: data, constraints, limits, raised ones. */
const quotesRows = /^(22|23|54|P0)/;

/** How V8 says that it could not parse a text, part of which it quotes. */
const quotesJson = /^(Unexpected|Expected|Unterminated|Bad|No|Exponent|"undefined")\b.* JSON\b/;

/** How a job's error ends: with its SQLSTATE. */
const trailingState = /\(([0-9A-Z]{5})\)$/;

/**
 * The words of an error, without anything that may come out of a row or a message: for what is logged or
 * shown to whoever may see a log. Errors of the infrastructure are left as they are.
 *
 * @param code the SQLSTATE, where it is not at the end of the message.
 */
export function withoutContents(message: string, code?: string): string {
  const state = code ?? trailingState.exec(message)?.[1];
  if (state !== undefined && quotesRows.test(state)) return `refused by the database (${state})`;
  if (quotesJson.test(message)) return "a text that is not JSON";
  return message;
}

/** The words of whatever was thrown, without contents. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return withoutContents(String(error));
  const { code } = error as { code?: unknown };
  return withoutContents(error.message, typeof code === "string" ? code : undefined);
}

/** Reasons of dead letters whose words are ours alone; those of others may quote the message. */
const ownWords: ReadonlySet<string> = new Set(["invalid", "too-large", "delivery-limit"]);

/** Fields that an observation may have beside its event. */
interface ErrorFields {
  readonly error?: unknown;
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly msgId?: unknown;
}

/**
 * An observation as it may leave the process: errors that may quote a message, a row or a query say only
 * their code. The whole error is in the dead letter, in `central.delivery_failures`, or in `job_runs`.
 */
export function observationWithoutContents<One extends ObservedEvent>(observation: One): One {
  const { error, code, reason, msgId }: ObservedEvent & ErrorFields = observation;
  if (typeof error !== "string") return observation;
  if (typeof reason === "string" && ownWords.has(reason)) return observation;
  // Where it is about one message, the whole error is in its dead letter.
  const words =
    msgId === undefined
      ? withoutContents(error, typeof code === "string" ? code : undefined)
      : `refused (${code})`;
  return { ...observation, error: words };
}

/** An error that ends the process: its words and where it happened, but no details of a row. */
export function describeCrash(error: unknown): string {
  if (!(error instanceof Error)) return wordsOf(error);
  const frames = error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [];
  return [`${error.name}: ${wordsOf(error)}`, ...frames].join("\n");
}

/**
 * Lets an error that nobody caught end the process without the details that Node would print: those of an
 * error of PostgreSQL hold the row that was refused.
 */
export function endOnCrash(): void {
  process.on("uncaughtException", (error) => {
    console.error(describeCrash(error));
    process.exit(1);
  });
}
