import {
  type DeadLetterFilter,
  type ReplayOptions,
  replayDeadLetters,
} from "@centralcloud/dead-letters";
import type { TestSystem } from "./databases.ts";
import { actionOn, actionsIn, judge, patterns, rowsOf, scopeOf } from "./dead-letters.ts";

/** Replays of dead letters in the databases of a test file, and what they leave. */
export function deadLetterReplays(system: TestSystem) {
  return {
    async replay(filter: DeadLetterFilter, changes: Partial<ReplayOptions> = {}) {
      const options = { ...actionOn(system), judge, ...changes };
      return replayDeadLetters(await scopeOf(system), filter, options);
    },
    deadLettersLeft: async () => (await rowsOf(system.singularity, `q_${patterns}-dlq`)).length,
    queued: () => rowsOf(system.singularity, `q_${patterns}`),
    actions: () => actionsIn(system),
  };
}
