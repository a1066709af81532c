import { contractFor, type Issue, type QueueName } from "@centralcloud/contracts";
import {
  type MergeBatch,
  type MergeCounts,
  mergeKnowledge,
  mergePatterns,
  mergeSessions,
} from "@centralcloud/db";
import type { LaneHandler, Refusal, Verdict } from "@centralcloud/pgmq";
import type { Pool } from "pg";
import type { SessionGate } from "./session-gate.ts";

type Merge = (central: Pool, batch: MergeBatch) => Promise<MergeCounts>;

/** Which merge each queue goes to. A new queue is a contract, a merge function and a line here. */
const merges: Readonly<Record<QueueName, Merge>> = {
  "centralcloud-new-patterns": mergePatterns,
  "agent-sessions": mergeSessions,
  "agent-knowledge-updates": mergeKnowledge,
};

export const routes = Object.keys(merges) as readonly QueueName[];

/** What a lane of this queue does: the contract's verdict, then the merge into the central store. */
export function handlerFor(
  queue: QueueName,
  sourceId: string,
  central: Pool,
  sessionGate: SessionGate,
): LaneHandler {
  const contract = contractFor(queue);
  return {
    check(body): Verdict | Promise<Verdict> {
      const checked = contract.check(body);
      if (!checked.ok) return { accepted: false, refusal: invalid(checked.issues) };
      const { document, value } = checked;
      const accepted: Verdict = { accepted: true, document };
      return queue === "agent-sessions" ? sessionGate(value, accepted) : accepted;
    },
    merge: (messages) => merges[queue](central, { sourceId, queue, messages }),
  };
}

function invalid(issues: readonly Issue[]): Refusal {
  const [first] = issues;
  const message =
    issues.length > 1 ? `${first?.message} (and ${issues.length - 1} more)` : `${first?.message}`;
  return { reason: "invalid", error: { code: first?.code ?? "invalid", message, issues } };
}
