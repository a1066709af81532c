import { createPool } from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import type { Part } from "@centralcloud/service";
import { createRepeatingPart } from "./repeating-part.ts";
import {
  agentIds,
  findings,
  invalidPatternMessage,
  patternHeaders,
  sessionState,
} from "./workload-messages.ts";

const tickMs = 1_000;
/** In ticks. The first invalid message comes early, so that a dead letter is soon to be seen. */
const every = { session: 3, invalid: 30 };
const firstInvalid = 5;

/**
 * A Singularity instance as CentralCloud sees it: a handful of agents that write what they find into
 * their own database, about three findings a second.
 *
 * It only writes rows, as an application does; the database and its scheduler do the rest. The
 * invalid messages alone are put on their queue by hand.
 */
export function createWorkload(url: string, onFault: (error: unknown) => void): Part {
  const pool = createPool(url, { applicationName: "singularity-demo", max: 1 });
  const queues = new QueueClient(pool);
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
  }

  /** Each agent works on one session, which changes from time to time. */
  async function continueSession(): Promise<void> {
    const agentId = agentIds[Math.floor(tick / every.session) % agentIds.length];
    const values = [agentId, sessionState(tick)];
    const { rowCount } = await pool.query(
      "update public.agent_sessions set state = $2 where agent_id = $1",
      values,
    );
    if (rowCount === 0) {
      await pool.query(
        "insert into public.agent_sessions (agent_id, state) values ($1, $2)",
        values,
      );
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
      if (tick % every.session === 0) await continueSession();
      if (tick % every.invalid === firstInvalid) {
        await queues.send("centralcloud-new-patterns", invalidPatternMessage(), patternHeaders());
      }
    },
    onFault,
    close: () => pool.end(),
  });
}
