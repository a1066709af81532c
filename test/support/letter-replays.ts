import { type LetterFilter, type ReplayOptions, replayLetters } from "@centralcloud/dead-letters";
import type { TestSystem } from "./databases.ts";
import { actionOn, actionsIn, judge, patterns, rowsOf, scopeOf } from "./dead-letters.ts";

/** Replays of letters in the databases of a test file, and what they leave. */
export function letterReplays(system: TestSystem) {
  return {
    async replay(filter: LetterFilter, changes: Partial<ReplayOptions> = {}) {
      const options = { ...actionOn(system), judge, ...changes };
      return replayLetters(await scopeOf(system), filter, options);
    },
    lettersLeft: async () => (await rowsOf(system.singularity, `q_${patterns}-dlq`)).length,
    queued: () => rowsOf(system.singularity, `q_${patterns}`),
    actions: () => actionsIn(system),
  };
}
