import type { Environment } from "./configuration.ts";

/**
 * Whether what is written is coloured. FORCE_COLOR is said by whoever knows better than NO_COLOR, which is set once for all
 * programs; `TERM=dumb` is a terminal that has none.
 */
export function hasColours(
  isTerminal: boolean,
  { FORCE_COLOR: force, NO_COLOR: none, TERM: kind }: Environment,
): boolean {
  if (force) return force !== "0" && force !== "false";
  return isTerminal && !none && kind !== "dumb";
}
