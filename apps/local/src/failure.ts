import { DatabaseUnreachableError } from "@centralcloud/postgres";
import { ConfigurationError } from "@centralcloud/service";
import { UsageError } from "./arguments.ts";

/** What a person reads when it fails, and the exit code that a script reads: those of `centralcloud`. */
export function describeFailure(error: unknown): {
  readonly sentence: string;
  readonly exitCode: 1 | 2 | 3;
} {
  if (error instanceof UsageError || error instanceof ConfigurationError) {
    return { sentence: error.message, exitCode: 2 };
  }
  const exitCode = error instanceof DatabaseUnreachableError ? 3 : 1;
  return { sentence: messageOf(error), exitCode };
}

/** Node reports a connection that failed for each address of a name together, without a message. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) {
    const causes = error.errors.map(messageOf).join("; ");
    return error.message === "" ? causes : `${error.message}: ${causes}`;
  }
  return error instanceof Error ? error.message : String(error);
}
