import type { Outcome } from "../routing/route.ts";

/** Remembers what came of each form, so that a second click, or a page that is loaded again, acts no second time. */
export interface SentForms {
  /** Does the work, or gives what came of it the first time. A form that failed, or has mistakes, may be sent again. */
  once(key: string, work: () => Promise<Outcome>): Promise<Outcome>;
}

/** Forms that are remembered at most. */
const mostForms = 1_000;

export function createSentForms(): SentForms {
  const outcomes = new Map<string, Promise<Outcome>>();
  return {
    async once(key, work) {
      const before = outcomes.get(key);
      if (before !== undefined) return await before;
      const outcome = work();
      outcomes.set(key, outcome);
      const [oldest] = outcomes.keys();
      if (outcomes.size > mostForms && oldest !== undefined) outcomes.delete(oldest);
      try {
        const came = await outcome;
        if (!("seeOther" in came)) outcomes.delete(key);
        return came;
      } catch (error) {
        outcomes.delete(key);
        throw error;
      }
    },
  };
}
