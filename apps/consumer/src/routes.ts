import {
  contractFor,
  type Issue,
  type QueueName,
  type SessionMessage,
} from "@centralcloud/contracts";
import {
  type MergeBatch,
  type MergeCounts,
  mergeKnowledge,
  mergePatterns,
  mergeSessions,
} from "@centralcloud/db";
import type { LaneHandler, Refusal, Verdict } from "@centralcloud/pgmq";
import type { Pool } from "pg";

type Merge = (central: Pool, batch: MergeBatch) => Promise<MergeCounts>;

/** Which merge each queue goes to. A new queue is a contract, a merge function and a line here. */
const merges: Readonly<Record<QueueName, Merge>> = {
  "centralcloud-new-patterns": mergePatterns,
  "agent-sessions": mergeSessions,
  "agent-knowledge-updates": mergeKnowledge,
};

export const routes = Object.keys(merges) as readonly QueueName[];

/** What a lane of this queue does: the contract's verdict, then the merge into the central store. */
export function handlerFor(queue: QueueName, sourceId: string, central: Pool): LaneHandler {
  const contract = contractFor(queue);
  return {
    check(body): Verdict {
      const checked = contract.check(body);
      if (!checked.ok) return { accepted: false, refusal: invalid(checked.issues) };
      const refusal = queue === "agent-sessions" ? unreadable(checked.value) : undefined;
      if (refusal !== undefined) return { accepted: false, refusal };
      return { accepted: true, document: checked.document };
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

/** Whether a session is sealed for a key that this consumer does not hold; it holds none yet. */
function unreadable({ sealed }: Partial<SessionMessage>): Refusal | undefined {
  if (sealed === undefined || sealed === null) return undefined;
  const message = `sealed for key ${JSON.stringify(sealed.key_id)}, which this consumer does not hold`;
  return { reason: "unreadable", error: { code: "key_not_held", message } };
}
