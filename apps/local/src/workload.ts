import { createPool } from "@centralcloud/db";
import { PgmqClient } from "@centralcloud/pgmq";
import type { Part } from "@centralcloud/service";
import { createRepeatingPart } from "./repeating-part.ts";
import {
  agentIds,
  findings,
  invalidPatternMessage,
  knowledgeMessage,
  sessionMessage,
} from "./workload-messages.ts";

const tickMs = 1_000;
/** In ticks. The first invalid message comes early, so that a dead letter is soon to be seen. */
const every = { session: 3, knowledge: 10, invalid: 30 };
const firstInvalid = 5;

/**
 * A Singularity instance as CentralCloud sees it: a handful of agents that write what they find into
 * their own database, about three findings a second.
 *
 * Findings take the real way (analysis_results, learned, queued). Sessions, summaries and the invalid
 * messages are put on their queues as older producers do.
 */
export function createWorkload(url: string, onFault: (error: unknown) => void): Part {
  const pool = createPool(url, { applicationName: "singularity-demo", max: 1 });
  const queues = new PgmqClient(pool);
  const patternCounts = new Map<string, number>();
  let tick = 0;

  async function insertFindings(): Promise<void> {
    const found = findings();
    await pool.query(
      `insert into public.analysis_results (agent_id, result, confidence, learned)
       select f.agent_id, f.result, f.confidence, false
         from unnest($1::text[], $2::jsonb[], $3::numeric[]) as f (agent_id, result, confidence)`,
      [
        found.map(({ agentId }) => agentId),
        found.map(({ result }) => result),
        found.map(({ confidence }) => confidence),
      ],
    );
    for (const { agentId } of found) {
      patternCounts.set(agentId, (patternCounts.get(agentId) ?? 0) + 1);
    }
  }

  return createRepeatingPart({
    name: "workload",
    everyMs: tickMs,
    async tick() {
      tick += 1;
      await pool.query(
        `insert into public.agents (agent_id) select unnest($1::text[]) on conflict do nothing`,
        [agentIds],
      );
      await insertFindings();
      if (tick % every.session === 0) await queues.send("agent-sessions", sessionMessage(tick));
      if (tick % every.knowledge === 0) {
        await queues.send("agent-knowledge-updates", knowledgeMessage(patternCounts));
      }
      if (tick % every.invalid === firstInvalid) {
        await queues.send("centralcloud-new-patterns", invalidPatternMessage());
      }
    },
    onFault,
    close: () => pool.end(),
  });
}
