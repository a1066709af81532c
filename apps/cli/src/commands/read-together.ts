import { SelectionError } from "@centralcloud/dead-letters";
import { ConfigurationError } from "@centralcloud/service";

/**
 * Reads all that a command needs from its words and its environment. Every mistake in them is told, not only the first
 * one: whoever fixes one should not meet the next at the next try.
 *
 * @throws {ConfigurationError} with a line per mistake.
 */
export async function readTogether<Values extends Readonly<Record<string, unknown>>>(
  reads: {
    readonly [Name in keyof Values]: () => Values[Name] | Promise<Values[Name]>;
  },
): Promise<Values> {
  const mistakes: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(reads)) {
    try {
      values[name] = await read();
    } catch (error) {
      mistakes.push(...mistakesOf(error));
    }
  }
  if (mistakes.length > 0) throw new ConfigurationError([...new Set(mistakes)]);
  return values as Values;
}

function mistakesOf(error: unknown): readonly string[] {
  if (error instanceof ConfigurationError) return error.mistakes;
  if (error instanceof SelectionError) return [`error: ${error.message}`];
  throw error;
}
