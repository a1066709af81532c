import { environmentOf } from "./command.ts";
import type { TestSystem } from "./databases.ts";
import { runCommand } from "./run-command.ts";

export interface ToldEvent {
  readonly at: string;
  readonly where: string;
  readonly what: string;
  readonly source: string | null;
  readonly queue?: string;
  readonly msgId?: string;
  readonly content?: unknown;
  readonly changes?: readonly { field: string; old: unknown; new: unknown }[];
  readonly error?: { code: string | null; message: string | null };
}

export interface ToldTrace {
  readonly events: readonly ToldEvent[];
  readonly unknown: readonly {
    from: string | null;
    to: string | null;
    why: string;
    source: string | null;
  }[];
  readonly masked: boolean;
  readonly unreachable: readonly { source: string }[];
  readonly failed: readonly { source: string }[];
}

/** `centralcloud trace …` on the databases of a test file. */
export function traces(system: TestSystem) {
  const run = (words: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
    runCommand(["trace", "--timeout", "20s", ...words], {
      ...environmentOf(system),
      ...environment,
    });
  return {
    run,
    /** The JSON document, of a run that everything answered. */
    async trace(...words: readonly string[]): Promise<ToldTrace> {
      const { exitCode, stdout, stderr } = await run([...words, "--json"]);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
      return JSON.parse(stdout);
    },
    /** What people see. */
    async text(...words: readonly string[]): Promise<string> {
      const { exitCode, stdout, stderr } = await run(words);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
      return stdout;
    },
  };
}

/** Events in short: from where, and the first words. */
export function brief({ events }: ToldTrace): readonly string[] {
  return events.map(({ where, what }) => `${where}: ${what}`);
}

/** A drain that takes longer than a heartbeat meets a source first: then its archives are still to be compared. */
export const isNoFirstComparison = ({ why }: { readonly why: string }) =>
  !why.endsWith("they are still to be compared");
