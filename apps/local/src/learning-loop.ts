import { createPool } from "@centralcloud/db";
import type { Part } from "@centralcloud/service";
import { createRepeatingPart } from "./repeating-part.ts";

/** Production learns every five minutes; whoever looks at a demonstration does not wait that long. */
export const learnEveryMs = 2_000;

/**
 * Learns new analysis results and queues them for CentralCloud.
 *
 * Stands in for the scheduler, which runs all jobs of a Singularity database where it has no pg_cron,
 * and replaces this part once it exists.
 */
export function createLearningLoop(url: string, onFault: (error: unknown) => void): Part {
  const pool = createPool(url, { applicationName: "centralcloud-learning", max: 1 });

  async function learn(): Promise<number> {
    const { rows } = await pool.query<{ learned: number }>(
      "select l.patterns_learned as learned from public.learn_patterns_from_analysis() l",
    );
    return rows[0]?.learned ?? 0;
  }

  return createRepeatingPart({
    name: "learning loop",
    everyMs: learnEveryMs,
    async tick(signal) {
      // One call learns a limited number, so a backlog takes several.
      while ((await learn()) > 0 && !signal.aborted);
    },
    onFault,
    close: () => pool.end(),
  });
}
