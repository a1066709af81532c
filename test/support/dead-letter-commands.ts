import { environmentOf, type Finished } from "./command.ts";
import type { TestSystem } from "./databases.ts";
import { actionsIn } from "./dead-letters.ts";
import { runCommand } from "./run-command.ts";

/** What every command that acts on dead letters must be given. */
export const why = ["--reason", "the producer is repaired"] as const;

export interface DeadLetterCommands {
  /** Runs `centralcloud dlq …` on the system. */
  readonly dlq: (...words: readonly string[]) => Promise<Finished>;
  /** What such commands left in the central database's record, oldest first. */
  readonly actions: () => Promise<Record<string, unknown>[]>;
}

/** The command line of dead letters, for the databases of a test file. */
export function deadLetterCommands(system: TestSystem): DeadLetterCommands {
  return {
    dlq: (...words) => runCommand(["dlq", ...words], environmentOf(system)),
    actions: () => actionsIn(system),
  };
}
